// Memory that ends, or begins, exactly at a page that may not be touched: a kernel that reads or writes one element too many dies
// there with SIGSEGV, in every build type and without a sanitizer. Over-reads by one vector are the classic bug of SIMD code and
// stay silent on ordinary heap memory.
#pragma once

#include <cstddef>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define STEEPEST_TEST_GUARD_PAGES 1
#endif

namespace testing {

enum class Edge { end, begin };  // which side of the data meets the forbidden page

class Guarded {
public:
    // Room for `capacity` bytes, to be used again for smaller blocks.
    explicit Guarded(std::size_t capacity) {
#if defined(STEEPEST_TEST_GUARD_PAGES)
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        body_ = (capacity + page - 1) / page * page;
        mapped_ = body_ + 2 * page;
        base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base_ == MAP_FAILED) throw std::bad_alloc();
        first_ = static_cast<char*>(base_) + page;
        mprotect(base_, page, PROT_NONE);
        mprotect(first_ + body_, page, PROT_NONE);
#else
        body_ = (capacity + 63) / 64 * 64;
        first_ = new char[body_];
#endif
    }
    ~Guarded() {
#if defined(STEEPEST_TEST_GUARD_PAGES)
        munmap(base_, mapped_);
#else
        delete[] first_;
#endif
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    // `bytes` bytes that touch the forbidden page at `edge`.
    char* place(std::size_t bytes, Edge edge) const {
        if (bytes > body_) throw std::bad_alloc();
        return edge == Edge::end ? first_ + body_ - bytes : first_;
    }

private:
    char* first_ = nullptr;
    std::size_t body_ = 0;
#if defined(STEEPEST_TEST_GUARD_PAGES)
    void* base_ = nullptr;
    std::size_t mapped_ = 0;
#endif
};

}  // namespace testing
