// One lane: the reference every other instruction set is held against. Same names and semantics as avx2.hpp and avx512.hpp.
//
// NaN: max and min return the second operand where either is NaN (the machine's maxps), so max(zero, x) keeps a NaN in x;
// comparisons with NaN are false.
// The anonymous namespace gives the type, and with it every kernel instantiated over it, internal linkage (see core/inline.hpp).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/inline.hpp"
#include "core/types.hpp"

namespace steepest {
namespace scalar {
namespace {

// One 32-bit word, for Philox, with room for a product above it: of the upper half only odd_lanes() is asked.
struct U32 {
    static constexpr int lanes = 1;
    std::uint64_t v;
    static STEEPEST_INLINE U32 set(std::uint32_t x) { return {x}; }
    static STEEPEST_INLINE U32 iota(std::uint32_t first) { return {first}; }
    STEEPEST_INLINE void store(std::uint32_t* p) const { *p = std::uint32_t(v); }
};
STEEPEST_INLINE U32 operator+(U32 a, U32 b) { return {a.v + b.v}; }
STEEPEST_INLINE U32 operator^(U32 a, U32 b) { return {a.v ^ b.v}; }
STEEPEST_INLINE U32 mul_even(U32 a, U32 b) { return {std::uint64_t(std::uint32_t(a.v)) * std::uint32_t(b.v)}; }
STEEPEST_INLINE U32 odd_lanes(U32 a) { return {a.v >> 32}; }
STEEPEST_INLINE U32 join_even(U32 even, U32 /*odd*/) { return even; }
STEEPEST_INLINE unsigned ge_bits(U32 a, U32 b) { return std::uint32_t(a.v) >= std::uint32_t(b.v) ? 1u : 0u; }

template <class T>
struct Vec {
    using value_type = T;
    using Mask = bool;
    using U32 = scalar::U32;
    static constexpr int lanes = 1;
    static constexpr bool looks_up = false;
    T v;

    static STEEPEST_INLINE Vec zero() { return {T(0)}; }
    static STEEPEST_INLINE Vec set(T x) { return {x}; }
    static STEEPEST_INLINE Vec load(const T* p) { return {*p}; }
    static STEEPEST_INLINE Vec load_n(const T* p, index_t n) { return {n > 0 ? *p : T(0)}; }
    static STEEPEST_INLINE Vec load_n(const T* p, index_t n, Vec rest) { return {n > 0 ? *p : rest.v}; }
    STEEPEST_INLINE void store(T* p) const { *p = v; }
    // Past the caches, p aligned to the vector; fence() before another thread reads it.
    STEEPEST_INLINE void stream(T* p) const { *p = v; }
    static STEEPEST_INLINE void fence() {}
    STEEPEST_INLINE void store_n(T* p, index_t n) const {
        if (n > 0) *p = v;
    }
    static STEEPEST_INLINE Mask first_lanes(index_t n) { return n > 0; }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) { return bits & 1u; }
    static STEEPEST_INLINE unsigned bits(Mask m) { return m ? 1u : 0u; }
};

template <class T>
STEEPEST_INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) {
    return {a.v + b.v};
}
template <class T>
STEEPEST_INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) {
    return {a.v - b.v};
}
template <class T>
STEEPEST_INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) {
    return {a.v * b.v};
}
template <class T>
STEEPEST_INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) {
    return {a.v / b.v};
}

// a b + c. Rounded once where the target has the instruction; else twice, because libm's emulation is twenty times as slow.
STEEPEST_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#ifdef __FP_FAST_FMAF
    return {__builtin_fmaf(a.v, b.v, c.v)};
#else
    return {a.v * b.v + c.v};
#endif
}
STEEPEST_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#ifdef __FP_FAST_FMA
    return {__builtin_fma(a.v, b.v, c.v)};
#else
    return {a.v * b.v + c.v};
#endif
}
template <class T>
STEEPEST_INLINE Vec<T> neg(Vec<T> a) {
    return {-a.v};
}
// c - a b
template <class T>
STEEPEST_INLINE Vec<T> fnma(Vec<T> a, Vec<T> b, Vec<T> c) {
    return fma(neg(a), b, c);
}

template <class T>
STEEPEST_INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
    return {a.v > b.v ? a.v : b.v};
}
template <class T>
STEEPEST_INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
    return {a.v < b.v ? a.v : b.v};
}
template <class T>
STEEPEST_INLINE bool lt(Vec<T> a, Vec<T> b) {
    return a.v < b.v;
}
template <class T>
STEEPEST_INLINE bool le(Vec<T> a, Vec<T> b) {
    return a.v <= b.v;
}
template <class T>
STEEPEST_INLINE bool gt(Vec<T> a, Vec<T> b) {
    return a.v > b.v;
}
template <class T>
STEEPEST_INLINE bool ge(Vec<T> a, Vec<T> b) {
    return a.v >= b.v;
}
template <class T>
STEEPEST_INLINE bool eq(Vec<T> a, Vec<T> b) {
    return a.v == b.v;
}
template <class T>
STEEPEST_INLINE Vec<T> select(bool m, Vec<T> if_true, Vec<T> if_false) {
    return m ? if_true : if_false;
}

template <class T>
STEEPEST_INLINE Vec<T> abs(Vec<T> a) {
    return {std::fabs(a.v)};
}
template <class T>
STEEPEST_INLINE Vec<T> sqrt(Vec<T> a) {
    return {std::sqrt(a.v)};
}
template <class T>
STEEPEST_INLINE Vec<T> copysign(Vec<T> a, Vec<T> sign) {
    return {std::copysign(a.v, sign.v)};
}

// To the nearest integer, ties to even. Adding and subtracting 1.5 * 2^digits leaves exactly the integer part; without SSE4.1 the
// library's rint is a call.
template <class T>
STEEPEST_INLINE Vec<T> round(Vec<T> a) {
    const T big = T(1.5) / std::numeric_limits<T>::epsilon(), limit = T(0.5) / std::numeric_limits<T>::epsilon();
    if (!(std::fabs(a.v) < limit)) return a;
    const T shifted = a.v + big;
    return {std::copysign(shifted - big, a.v)};
}
template <class T>
STEEPEST_INLINE Vec<T> floor(Vec<T> a) {
    const Vec<T> r = round(a);
    return {r.v > a.v ? r.v - T(1) : r.v};
}

// a * 2^n for integer-valued n, |n| <= 2 * (largest exponent). Two factors, so that the one rounding into the denormal range is
// the last multiplication's and 2^n itself never overflows.
STEEPEST_INLINE float power_of_two(float n) {
    const float biased = n + (8388608.0f + 127.0f);
    std::uint32_t word;
    std::memcpy(&word, &biased, sizeof(word));
    word <<= 23;
    float result;
    std::memcpy(&result, &word, sizeof(result));
    return result;
}
STEEPEST_INLINE double power_of_two(double n) {
    const double biased = n + (4503599627370496.0 + 1023.0);
    std::uint64_t word;
    std::memcpy(&word, &biased, sizeof(word));
    word <<= 52;
    double result;
    std::memcpy(&result, &word, sizeof(result));
    return result;
}
template <class T>
STEEPEST_INLINE Vec<T> ldexp(Vec<T> a, Vec<T> n) {
    const T half = floor(Vec<T>{n.v * T(0.5)}).v;
    return {a.v * power_of_two(half) * power_of_two(n.v - half)};
}
// a = m 2^exponent with |m| in [0.5, 1) for finite a != 0, denormals included; anything else is the caller's.
template <class T>
STEEPEST_INLINE Vec<T> frexp(Vec<T> a, Vec<T>* exponent) {
    int e = 0;
    const T m = std::frexp(a.v, &e);
    *exponent = {T(e)};
    return {m};
}

template <class T>
STEEPEST_INLINE T reduce_add(Vec<T> a) {
    return a.v;
}
template <class T>
STEEPEST_INLINE T reduce_max(Vec<T> a) {
    return a.v;
}

}  // namespace
}  // namespace scalar
}  // namespace steepest
