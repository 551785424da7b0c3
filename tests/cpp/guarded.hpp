// Memory that ends, or begins, exactly at a page that may not be touched: a kernel that reads or writes one element too many dies
// there with SIGSEGV, in every build type and without a sanitizer. Over-reads by one vector are the classic bug of SIMD code and
// stay silent on ordinary heap memory.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#define STEEPEST_TEST_GUARD_PAGES 1
#endif

namespace testing {

enum class Edge { end, begin };  // which side of the data meets the forbidden page

template <class T>
class Guarded {
public:
    Guarded(std::size_t count, Edge edge) : count_(count) {
#if defined(STEEPEST_TEST_GUARD_PAGES)
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        const std::size_t body = (count * sizeof(T) + page - 1) / page * page;
        mapped_ = body + 2 * page;
        base_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base_ == MAP_FAILED) throw std::bad_alloc();
        char* first = static_cast<char*>(base_) + page;
        mprotect(base_, page, PROT_NONE);
        mprotect(first + body, page, PROT_NONE);
        data_ = reinterpret_cast<T*>(edge == Edge::end ? first + body - count * sizeof(T) : first);
#else
        (void)edge;
        data_ = new T[count + 1];
#endif
    }
    ~Guarded() {
#if defined(STEEPEST_TEST_GUARD_PAGES)
        munmap(base_, mapped_);
#else
        delete[] data_;
#endif
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    T* data() { return data_; }
    std::size_t size() const { return count_; }
    T& operator[](std::size_t i) { return data_[i]; }
    void fill(T value) {
        for (std::size_t i = 0; i < count_; ++i) data_[i] = value;
    }

private:
    std::size_t count_;
    T* data_ = nullptr;
#if defined(STEEPEST_TEST_GUARD_PAGES)
    void* base_ = nullptr;
    std::size_t mapped_ = 0;
#endif
};

}  // namespace testing
