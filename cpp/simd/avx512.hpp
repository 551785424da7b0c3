// 512-bit vectors: 16 floats or 8 doubles, with mask registers. Needs -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma.
// Semantics as in scalar.hpp.
#pragma once

// GCC's own header starts the unused operand of masked intrinsics as `__Y = __Y` and then warns of it where it was inlined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

#include "core/inline.hpp"
#include "core/types.hpp"

namespace steepest {
namespace avx512 {
namespace {

STEEPEST_INLINE __mmask16 tail_mask16(index_t n) { return __mmask16((1u << unsigned(n)) - 1u); }
STEEPEST_INLINE __mmask8 tail_mask8(index_t n) { return __mmask8((1u << unsigned(n)) - 1u); }

// Sixteen 32-bit words, for Philox.
struct U32 {
    static constexpr int lanes = 16;
    __m512i v;
    static STEEPEST_INLINE U32 set(std::uint32_t x) { return {_mm512_set1_epi32(int(x))}; }
    static STEEPEST_INLINE U32 iota(std::uint32_t first) {
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        return {_mm512_add_epi32(_mm512_set1_epi32(int(first)), lane)};
    }
    STEEPEST_INLINE void store(std::uint32_t* p) const { _mm512_storeu_si512(p, v); }
};
STEEPEST_INLINE U32 operator+(U32 a, U32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
STEEPEST_INLINE U32 operator^(U32 a, U32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
// 64-bit products of the even lanes; b likewise.
STEEPEST_INLINE U32 mul_even(U32 a, U32 b) { return {_mm512_mul_epu32(a.v, b.v)}; }
// The odd lanes in the even places.
STEEPEST_INLINE U32 odd_lanes(U32 a) { return {_mm512_srli_epi64(a.v, 32)}; }
// The even lanes of both, those of `odd` in the odd places.
STEEPEST_INLINE U32 join_even(U32 even, U32 odd) {
    return {_mm512_mask_shuffle_epi32(even.v, 0xaaaa, odd.v, _MM_PERM_CCAA)};
}
// Bit i: a >= b in lane i, unsigned.
STEEPEST_INLINE unsigned ge_bits(U32 a, U32 b) { return _mm512_cmpge_epu32_mask(a.v, b.v); }

template <class T>
struct Vec;

template <>
struct Vec<float> {
    using value_type = float;
    using Mask = __mmask16;
    using U32 = avx512::U32;
    static constexpr int lanes = 16;
    __m512 v;

    static STEEPEST_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
    static STEEPEST_INLINE Vec set(float x) { return {_mm512_set1_ps(x)}; }
    static STEEPEST_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n) { return {_mm512_maskz_loadu_ps(tail_mask16(n), p)}; }
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n, Vec rest) {
        return {_mm512_mask_loadu_ps(rest.v, tail_mask16(n), p)};
    }
    STEEPEST_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
    STEEPEST_INLINE void stream(float* p) const { _mm512_stream_ps(p, v); }
    static STEEPEST_INLINE void fence() { _mm_sfence(); }
    STEEPEST_INLINE void store_n(float* p, index_t n) const { _mm512_mask_storeu_ps(p, tail_mask16(n), v); }
    static STEEPEST_INLINE Mask first_lanes(index_t n) { return tail_mask16(n); }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) { return Mask(bits); }
    static STEEPEST_INLINE unsigned bits(Mask m) { return m; }
    // table[low five bits of the lane's pattern]: one instruction, the table in two registers.
    static constexpr bool looks_up = true;
    static STEEPEST_INLINE Vec lookup(const float (&table)[32], Vec index) {
        return {
            _mm512_permutex2var_ps(_mm512_loadu_ps(table), _mm512_castps_si512(index.v), _mm512_loadu_ps(table + 16))};
    }
};

template <>
struct Vec<double> {
    using value_type = double;
    using Mask = __mmask8;
    using U32 = avx512::U32;
    static constexpr int lanes = 8;
    static constexpr bool looks_up = false;
    __m512d v;

    static STEEPEST_INLINE Vec zero() { return {_mm512_setzero_pd()}; }
    static STEEPEST_INLINE Vec set(double x) { return {_mm512_set1_pd(x)}; }
    static STEEPEST_INLINE Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n) { return {_mm512_maskz_loadu_pd(tail_mask8(n), p)}; }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n, Vec rest) {
        return {_mm512_mask_loadu_pd(rest.v, tail_mask8(n), p)};
    }
    STEEPEST_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
    STEEPEST_INLINE void stream(double* p) const { _mm512_stream_pd(p, v); }
    static STEEPEST_INLINE void fence() { _mm_sfence(); }
    STEEPEST_INLINE void store_n(double* p, index_t n) const { _mm512_mask_storeu_pd(p, tail_mask8(n), v); }
    static STEEPEST_INLINE Mask first_lanes(index_t n) { return tail_mask8(n); }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) { return Mask(bits); }
    static STEEPEST_INLINE unsigned bits(Mask m) { return m; }
};

using F32 = Vec<float>;
using F64 = Vec<double>;

STEEPEST_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator+(F64 a, F64 b) { return {_mm512_add_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator-(F64 a, F64 b) { return {_mm512_sub_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator*(F64 a, F64 b) { return {_mm512_mul_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator/(F64 a, F64 b) { return {_mm512_div_pd(a.v, b.v)}; }

STEEPEST_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
STEEPEST_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
STEEPEST_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
STEEPEST_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }

STEEPEST_INLINE F32 max(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 max(F64 a, F64 b) { return {_mm512_max_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 min(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 min(F64 a, F64 b) { return {_mm512_min_pd(a.v, b.v)}; }

STEEPEST_INLINE __mmask16 lt(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
STEEPEST_INLINE __mmask8 lt(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ); }
STEEPEST_INLINE __mmask16 le(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }
STEEPEST_INLINE __mmask8 le(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ); }
STEEPEST_INLINE __mmask16 gt(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ); }
STEEPEST_INLINE __mmask8 gt(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ); }
STEEPEST_INLINE __mmask16 ge(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ); }
STEEPEST_INLINE __mmask8 ge(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ); }
STEEPEST_INLINE __mmask16 eq(F32 a, F32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
STEEPEST_INLINE __mmask8 eq(F64 a, F64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ); }
STEEPEST_INLINE F32 select(__mmask16 m, F32 if_true, F32 if_false) {
    return {_mm512_mask_blend_ps(m, if_false.v, if_true.v)};
}
STEEPEST_INLINE F64 select(__mmask8 m, F64 if_true, F64 if_false) {
    return {_mm512_mask_blend_pd(m, if_false.v, if_true.v)};
}

STEEPEST_INLINE F32 neg(F32 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
STEEPEST_INLINE F64 neg(F64 a) { return {_mm512_xor_pd(a.v, _mm512_set1_pd(-0.0))}; }
STEEPEST_INLINE F32 abs(F32 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
STEEPEST_INLINE F64 abs(F64 a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.v)}; }
STEEPEST_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
STEEPEST_INLINE F64 sqrt(F64 a) { return {_mm512_sqrt_pd(a.v)}; }
STEEPEST_INLINE F32 copysign(F32 a, F32 sign) {
    return {_mm512_or_ps(abs(a).v, _mm512_and_ps(_mm512_set1_ps(-0.0f), sign.v))};
}
STEEPEST_INLINE F64 copysign(F64 a, F64 sign) {
    return {_mm512_or_pd(abs(a).v, _mm512_and_pd(_mm512_set1_pd(-0.0), sign.v))};
}
STEEPEST_INLINE F32 round(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F64 round(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F32 floor(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F64 floor(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

// The machine has both directions in one instruction each, denormals and overflow included.
STEEPEST_INLINE F32 ldexp(F32 a, F32 n) { return {_mm512_scalef_ps(a.v, n.v)}; }
STEEPEST_INLINE F64 ldexp(F64 a, F64 n) { return {_mm512_scalef_pd(a.v, n.v)}; }
STEEPEST_INLINE F32 frexp(F32 a, F32* exponent) {
    *exponent = F32{_mm512_getexp_ps(a.v)} + F32::set(1.0f);
    return {_mm512_getmant_ps(a.v, _MM_MANT_NORM_p5_1, _MM_MANT_SIGN_src)};
}
STEEPEST_INLINE F64 frexp(F64 a, F64* exponent) {
    *exponent = F64{_mm512_getexp_pd(a.v)} + F64::set(1.0);
    return {_mm512_getmant_pd(a.v, _MM_MANT_NORM_p5_1, _MM_MANT_SIGN_src)};
}

// Halves, quarters, pairs: the same tree every time.
STEEPEST_INLINE float reduce_add(F32 a) {
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
STEEPEST_INLINE double reduce_add(F64 a) {
    const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
STEEPEST_INLINE float reduce_max(F32 a) {
    const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}
STEEPEST_INLINE double reduce_max(F64 a) {
    const __m256d h = _mm256_max_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
    const __m128d s = _mm_max_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
    return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
}

// In each 16 bytes: low = a0 b0 a1 b1, high = a2 b2 a3 b3 (doubles: a0 b0 and a1 b1).
STEEPEST_INLINE void interleave(F32 a, F32 b, F32* low, F32* high) {
    *low = {_mm512_unpacklo_ps(a.v, b.v)};
    *high = {_mm512_unpackhi_ps(a.v, b.v)};
}
STEEPEST_INLINE void interleave(F64 a, F64 b, F64* low, F64* high) {
    *low = {_mm512_unpacklo_pd(a.v, b.v)};
    *high = {_mm512_unpackhi_pd(a.v, b.v)};
}

// Of 16 bytes each: even = the even ones of a, then those of b; odd likewise.
STEEPEST_INLINE void separate(F32 a, F32 b, F32* even, F32* odd) {
    *even = {_mm512_shuffle_f32x4(a.v, b.v, 0x88)};
    *odd = {_mm512_shuffle_f32x4(a.v, b.v, 0xdd)};
}
STEEPEST_INLINE void separate(F64 a, F64 b, F64* even, F64* odd) {
    *even = {_mm512_shuffle_f64x2(a.v, b.v, 0x88)};
    *odd = {_mm512_shuffle_f64x2(a.v, b.v, 0xdd)};
}

}  // namespace
}  // namespace avx512
}  // namespace steepest
