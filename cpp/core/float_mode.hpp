// What the thread does with denormals, while the object lives; the thread's floating-point mode is restored when it goes.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace steepest {

class FloatMode {
public:
#if defined(__x86_64__) || defined(_M_X64)
    // 0x8040: flush to zero, denormals are zero
    explicit FloatMode(bool flush) : saved_(_mm_getcsr()) { _mm_setcsr(flush ? saved_ | 0x8040u : saved_ & ~0x8040u); }
    ~FloatMode() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
    explicit FloatMode(bool flush) {
        const std::uint64_t bit = std::uint64_t(1) << 24;
        __asm__ __volatile__("mrs %0, fpcr" : "=r"(saved_));
        __asm__ __volatile__("msr fpcr, %0" ::"r"(flush ? saved_ | bit : saved_ & ~bit));
    }
    ~FloatMode() { __asm__ __volatile__("msr fpcr, %0" ::"r"(saved_)); }
#else
    explicit FloatMode(bool) : saved_(0) {}
#endif
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

private:
#if defined(__x86_64__) || defined(_M_X64)
    unsigned saved_;
#else
    std::uint64_t saved_;
#endif
};

// For training: an activation that fades into the denormals would cost a hundred cycles an operation.
struct FlushDenormals : FloatMode {
    FlushDenormals() : FloatMode(true) {}
};

// For single kernels called from Python, which give what IEEE 754 and NumPy give.
struct KeepDenormals : FloatMode {
    KeepDenormals() : FloatMode(false) {}
};

}  // namespace steepest
