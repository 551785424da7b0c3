// How often memory was asked for since the start of the program, or always 0 under AddressSanitizer and ThreadSanitizer, which have
// allocators of their own.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEEPEST_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)  // Clang, older than those that define the names above
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STEEPEST_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef STEEPEST_COUNTS_ALLOCATIONS
#define STEEPEST_COUNTS_ALLOCATIONS 1
#endif

namespace testing {

constexpr bool kAllocationsAreCounted = STEEPEST_COUNTS_ALLOCATIONS != 0;

long allocations();

}  // namespace testing
