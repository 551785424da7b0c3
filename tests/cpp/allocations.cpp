#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<long> count{0};

}  // namespace

namespace testing {

long allocations() { return count; }

}  // namespace testing

// In a file of their own: where the compiler sees into them it takes new with free for a mistake.
#if STEEPEST_COUNTS_ALLOCATIONS
void* operator new(std::size_t bytes) {
    count += 1;
    if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
