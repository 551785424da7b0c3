// How often memory was asked for since the start of the program, or always 0 under AddressSanitizer, which has an allocator of its own.
#pragma once

namespace testing {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAllocationsAreCounted = false;
#else
constexpr bool kAllocationsAreCounted = true;
#endif

long allocations();

}  // namespace testing
