// 128-bit vectors of 64-bit ARM: 4 floats or 2 doubles. Part of every such processor, so no flags. Semantics as in scalar.hpp.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "core/inline.hpp"
#include "core/types.hpp"

namespace steepest {
namespace neon {
namespace {

// Lane i: number i, and bit i.
alignas(16) constexpr std::uint32_t kLane32[4] = {0, 1, 2, 3}, kBit32[4] = {1, 2, 4, 8};
alignas(16) constexpr std::uint64_t kLane64[2] = {0, 1}, kBit64[2] = {1, 2};

// Bit i of the result: lane i of the mask, whose lanes are all ones or all zeros.
STEEPEST_INLINE unsigned mask_bits(uint32x4_t m) { return vaddvq_u32(vandq_u32(m, vld1q_u32(kBit32))); }
STEEPEST_INLINE unsigned mask_bits(uint64x2_t m) { return unsigned(vaddvq_u64(vandq_u64(m, vld1q_u64(kBit64)))); }

// Four 32-bit words, for Philox.
struct U32 {
    static constexpr int lanes = 4;
    uint32x4_t v;
    static STEEPEST_INLINE U32 set(std::uint32_t x) { return {vdupq_n_u32(x)}; }
    static STEEPEST_INLINE U32 iota(std::uint32_t first) { return {vaddq_u32(vdupq_n_u32(first), vld1q_u32(kLane32))}; }
    STEEPEST_INLINE void store(std::uint32_t* p) const { vst1q_u32(p, v); }
};
STEEPEST_INLINE U32 operator+(U32 a, U32 b) { return {vaddq_u32(a.v, b.v)}; }
STEEPEST_INLINE U32 operator^(U32 a, U32 b) { return {veorq_u32(a.v, b.v)}; }
// 64-bit products of the even lanes; b likewise. (The machine multiplies neighbours, so the even lanes come together first.)
STEEPEST_INLINE U32 mul_even(U32 a, U32 b) {
    const uint64x2_t product = vmull_u32(vmovn_u64(vreinterpretq_u64_u32(a.v)), vmovn_u64(vreinterpretq_u64_u32(b.v)));
    return {vreinterpretq_u32_u64(product)};
}
// The odd lanes in the even places.
STEEPEST_INLINE U32 odd_lanes(U32 a) { return {vreinterpretq_u32_u64(vshrq_n_u64(vreinterpretq_u64_u32(a.v), 32))}; }
// The even lanes of both, those of `odd` in the odd places.
STEEPEST_INLINE U32 join_even(U32 even, U32 odd) { return {vtrn1q_u32(even.v, odd.v)}; }
// Bit i: a >= b in lane i, unsigned.
STEEPEST_INLINE unsigned ge_bits(U32 a, U32 b) { return mask_bits(vcgeq_u32(a.v, b.v)); }

template <class T>
struct Vec;

template <>
struct Vec<float> {
    using value_type = float;
    using Mask = uint32x4_t;  // all ones or all zeros per lane
    using U32 = neon::U32;
    static constexpr int lanes = 4;
    static constexpr bool looks_up = false;
    float32x4_t v;

    static STEEPEST_INLINE Vec zero() { return {vdupq_n_f32(0.0f)}; }
    static STEEPEST_INLINE Vec set(float x) { return {vdupq_n_f32(x)}; }
    static STEEPEST_INLINE Vec load(const float* p) { return {vld1q_f32(p)}; }
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n) { return load_n(p, n, zero()); }
    // There are no masked loads and stores: pairs and single lanes.
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n, Vec rest) {
        if (n >= 4) return load(p);
        if (n >= 2) {
            const float32x4_t pair = vcombine_f32(vld1_f32(p), vget_high_f32(rest.v));
            return {n == 2 ? pair : vld1q_lane_f32(p + 2, pair, 2)};
        }
        return {n == 1 ? vld1q_lane_f32(p, rest.v, 0) : rest.v};
    }
    STEEPEST_INLINE void store(float* p) const { vst1q_f32(p, v); }
    // No intrinsic stores past the caches.
    STEEPEST_INLINE void stream(float* p) const { store(p); }
    static STEEPEST_INLINE void fence() {}
    STEEPEST_INLINE void store_n(float* p, index_t n) const {
        if (n >= 4) return store(p);
        if (n >= 2) vst1_f32(p, vget_low_f32(v));
        if (n == 3) vst1q_lane_f32(p + 2, v, 2);
        if (n == 1) vst1q_lane_f32(p, v, 0);
    }
    static STEEPEST_INLINE Mask first_lanes(index_t n) {
        return vcltq_u32(vld1q_u32(kLane32), vdupq_n_u32(std::uint32_t(n)));
    }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) {
        return vtstq_u32(vdupq_n_u32(bits), vld1q_u32(kBit32));
    }
    static STEEPEST_INLINE unsigned bits(Mask m) { return mask_bits(m); }
};

template <>
struct Vec<double> {
    using value_type = double;
    using Mask = uint64x2_t;
    using U32 = neon::U32;
    static constexpr int lanes = 2;
    static constexpr bool looks_up = false;
    float64x2_t v;

    static STEEPEST_INLINE Vec zero() { return {vdupq_n_f64(0.0)}; }
    static STEEPEST_INLINE Vec set(double x) { return {vdupq_n_f64(x)}; }
    static STEEPEST_INLINE Vec load(const double* p) { return {vld1q_f64(p)}; }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n) { return load_n(p, n, zero()); }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n, Vec rest) {
        if (n >= 2) return load(p);
        return {n == 1 ? vld1q_lane_f64(p, rest.v, 0) : rest.v};
    }
    STEEPEST_INLINE void store(double* p) const { vst1q_f64(p, v); }
    STEEPEST_INLINE void stream(double* p) const { store(p); }
    static STEEPEST_INLINE void fence() {}
    STEEPEST_INLINE void store_n(double* p, index_t n) const {
        if (n >= 2) return store(p);
        if (n == 1) vst1q_lane_f64(p, v, 0);
    }
    static STEEPEST_INLINE Mask first_lanes(index_t n) {
        return vcltq_u64(vld1q_u64(kLane64), vdupq_n_u64(std::uint64_t(n)));
    }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) {
        return vtstq_u64(vdupq_n_u64(bits), vld1q_u64(kBit64));
    }
    static STEEPEST_INLINE unsigned bits(Mask m) { return mask_bits(m); }
};

using F32 = Vec<float>;
using F64 = Vec<double>;

STEEPEST_INLINE F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
STEEPEST_INLINE F64 operator+(F64 a, F64 b) { return {vaddq_f64(a.v, b.v)}; }
STEEPEST_INLINE F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
STEEPEST_INLINE F64 operator-(F64 a, F64 b) { return {vsubq_f64(a.v, b.v)}; }
STEEPEST_INLINE F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
STEEPEST_INLINE F64 operator*(F64 a, F64 b) { return {vmulq_f64(a.v, b.v)}; }
STEEPEST_INLINE F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.v, b.v)}; }
STEEPEST_INLINE F64 operator/(F64 a, F64 b) { return {vdivq_f64(a.v, b.v)}; }

// The machine's order is c + a b.
STEEPEST_INLINE F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
STEEPEST_INLINE F64 fma(F64 a, F64 b, F64 c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
STEEPEST_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
STEEPEST_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {vfmsq_f64(c.v, a.v, b.v)}; }

STEEPEST_INLINE uint32x4_t lt(F32 a, F32 b) { return vcltq_f32(a.v, b.v); }
STEEPEST_INLINE uint64x2_t lt(F64 a, F64 b) { return vcltq_f64(a.v, b.v); }
STEEPEST_INLINE uint32x4_t le(F32 a, F32 b) { return vcleq_f32(a.v, b.v); }
STEEPEST_INLINE uint64x2_t le(F64 a, F64 b) { return vcleq_f64(a.v, b.v); }
STEEPEST_INLINE uint32x4_t gt(F32 a, F32 b) { return vcgtq_f32(a.v, b.v); }
STEEPEST_INLINE uint64x2_t gt(F64 a, F64 b) { return vcgtq_f64(a.v, b.v); }
STEEPEST_INLINE uint32x4_t ge(F32 a, F32 b) { return vcgeq_f32(a.v, b.v); }
STEEPEST_INLINE uint64x2_t ge(F64 a, F64 b) { return vcgeq_f64(a.v, b.v); }
STEEPEST_INLINE uint32x4_t eq(F32 a, F32 b) { return vceqq_f32(a.v, b.v); }
STEEPEST_INLINE uint64x2_t eq(F64 a, F64 b) { return vceqq_f64(a.v, b.v); }
STEEPEST_INLINE F32 select(uint32x4_t m, F32 if_true, F32 if_false) { return {vbslq_f32(m, if_true.v, if_false.v)}; }
STEEPEST_INLINE F64 select(uint64x2_t m, F64 if_true, F64 if_false) { return {vbslq_f64(m, if_true.v, if_false.v)}; }

// Not FMAX and FMIN: those give NaN where either operand is NaN, and 0 for 0 and -0 in any order.
STEEPEST_INLINE F32 max(F32 a, F32 b) { return select(gt(a, b), a, b); }
STEEPEST_INLINE F64 max(F64 a, F64 b) { return select(gt(a, b), a, b); }
STEEPEST_INLINE F32 min(F32 a, F32 b) { return select(lt(a, b), a, b); }
STEEPEST_INLINE F64 min(F64 a, F64 b) { return select(lt(a, b), a, b); }

STEEPEST_INLINE F32 neg(F32 a) { return {vnegq_f32(a.v)}; }
STEEPEST_INLINE F64 neg(F64 a) { return {vnegq_f64(a.v)}; }
STEEPEST_INLINE F32 abs(F32 a) { return {vabsq_f32(a.v)}; }
STEEPEST_INLINE F64 abs(F64 a) { return {vabsq_f64(a.v)}; }
STEEPEST_INLINE F32 sqrt(F32 a) { return {vsqrtq_f32(a.v)}; }
STEEPEST_INLINE F64 sqrt(F64 a) { return {vsqrtq_f64(a.v)}; }
STEEPEST_INLINE F32 copysign(F32 a, F32 sign) { return {vbslq_f32(vdupq_n_u32(0x80000000u), sign.v, a.v)}; }
STEEPEST_INLINE F64 copysign(F64 a, F64 sign) { return {vbslq_f64(vdupq_n_u64(0x8000000000000000u), sign.v, a.v)}; }
STEEPEST_INLINE F32 round(F32 a) { return {vrndnq_f32(a.v)}; }
STEEPEST_INLINE F64 round(F64 a) { return {vrndnq_f64(a.v)}; }
STEEPEST_INLINE F32 floor(F32 a) { return {vrndmq_f32(a.v)}; }
STEEPEST_INLINE F64 floor(F64 a) { return {vrndmq_f64(a.v)}; }

// 2^n: adding 2^23 + 127 (2^52 + 1023) leaves the biased exponent in the lowest bits of the word.
STEEPEST_INLINE F32 power_of_two(F32 n) {
    const F32 biased = n + F32::set(8388608.0f + 127.0f);
    return {vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(biased.v), 23))};
}
STEEPEST_INLINE F64 power_of_two(F64 n) {
    const F64 biased = n + F64::set(4503599627370496.0 + 1023.0);
    return {vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(biased.v), 52))};
}
// Two factors: see scalar.hpp.
STEEPEST_INLINE F32 ldexp(F32 a, F32 n) {
    const F32 half = floor(n * F32::set(0.5f));
    return a * power_of_two(half) * power_of_two(n - half);
}
STEEPEST_INLINE F64 ldexp(F64 a, F64 n) {
    const F64 half = floor(n * F64::set(0.5));
    return a * power_of_two(half) * power_of_two(n - half);
}
// Denormals are first multiplied into the normal range.
STEEPEST_INLINE F32 frexp(F32 a, F32* exponent) {
    const uint32x4_t tiny = lt(abs(a), F32::set(1.17549435e-38f));
    const uint32x4_t word = vreinterpretq_u32_f32(select(tiny, a * F32::set(16777216.0f), a).v);
    const uint32x4_t biased = vandq_u32(vshrq_n_u32(word, 23), vdupq_n_u32(0xff));
    *exponent = F32{vcvtq_f32_u32(biased)} - select(tiny, F32::set(126.0f + 24.0f), F32::set(126.0f));
    const uint32x4_t fraction = vandq_u32(word, vdupq_n_u32(0x807fffffu));
    return {vreinterpretq_f32_u32(vorrq_u32(fraction, vreinterpretq_u32_f32(vdupq_n_f32(0.5f))))};
}
STEEPEST_INLINE F64 frexp(F64 a, F64* exponent) {
    const uint64x2_t tiny = lt(abs(a), F64::set(2.2250738585072014e-308));
    const uint64x2_t word = vreinterpretq_u64_f64(select(tiny, a * F64::set(18014398509481984.0), a).v);
    const uint64x2_t biased = vandq_u64(vshrq_n_u64(word, 52), vdupq_n_u64(0x7ff));
    *exponent = F64{vcvtq_f64_u64(biased)} - select(tiny, F64::set(1022.0 + 54.0), F64::set(1022.0));
    const uint64x2_t fraction = vandq_u64(word, vdupq_n_u64(0x800fffffffffffffu));
    return {vreinterpretq_f64_u64(vorrq_u64(fraction, vreinterpretq_u64_f64(vdupq_n_f64(0.5))))};
}

// Halves, then pairs: (0+2) + (1+3).
STEEPEST_INLINE float reduce_add(F32 a) { return vaddv_f32(vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v))); }
STEEPEST_INLINE double reduce_add(F64 a) { return vaddvq_f64(a.v); }
STEEPEST_INLINE float reduce_max(F32 a) {
    const F32 halves = max(a, F32{vextq_f32(a.v, a.v, 2)});
    return vgetq_lane_f32(max(halves, F32{vextq_f32(halves.v, halves.v, 1)}).v, 0);
}
STEEPEST_INLINE double reduce_max(F64 a) { return vgetq_lane_f64(max(a, F64{vextq_f64(a.v, a.v, 1)}).v, 0); }

// low = a0 b0 a1 b1, high = a2 b2 a3 b3 (doubles: a0 b0 and a1 b1).
STEEPEST_INLINE void interleave(F32 a, F32 b, F32* low, F32* high) {
    *low = {vzip1q_f32(a.v, b.v)};
    *high = {vzip2q_f32(a.v, b.v)};
}
STEEPEST_INLINE void interleave(F64 a, F64 b, F64* low, F64* high) {
    *low = {vzip1q_f64(a.v, b.v)};
    *high = {vzip2q_f64(a.v, b.v)};
}

}  // namespace
}  // namespace neon
}  // namespace steepest
