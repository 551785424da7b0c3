// 256-bit vectors: 8 floats or 4 doubles. Needs -mavx2 -mfma. Semantics as in scalar.hpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "core/inline.hpp"
#include "core/types.hpp"

namespace steepest {
namespace avx2 {
namespace {

// Reading 8 words from kTail + 8 - n gives n words of ones, then zeros: the mask of the first n lanes without arithmetic.
alignas(64) constexpr std::int32_t kTail[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

STEEPEST_INLINE __m256i tail_mask32(index_t n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kTail + 8 - n));
}
STEEPEST_INLINE __m256i tail_mask64(index_t n) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kTail + 8 - 2 * n));
}

// Eight 32-bit words, for Philox.
struct U32 {
    static constexpr int lanes = 8;
    __m256i v;
    static STEEPEST_INLINE U32 set(std::uint32_t x) { return {_mm256_set1_epi32(int(x))}; }
    static STEEPEST_INLINE U32 iota(std::uint32_t first) {
        return {_mm256_add_epi32(_mm256_set1_epi32(int(first)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
    }
    STEEPEST_INLINE void store(std::uint32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
};
STEEPEST_INLINE U32 operator+(U32 a, U32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
STEEPEST_INLINE U32 operator^(U32 a, U32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
// 64-bit products of the even lanes; b likewise.
STEEPEST_INLINE U32 mul_even(U32 a, U32 b) { return {_mm256_mul_epu32(a.v, b.v)}; }
// The odd lanes in the even places.
STEEPEST_INLINE U32 odd_lanes(U32 a) { return {_mm256_srli_epi64(a.v, 32)}; }
// The even lanes of both, those of `odd` in the odd places.
STEEPEST_INLINE U32 join_even(U32 even, U32 odd) {
    return {_mm256_blend_epi32(even.v, _mm256_slli_epi64(odd.v, 32), 0xaa)};
}
// Bit i: a >= b in lane i, unsigned. AVX2 compares signed words only, hence the detour over max.
STEEPEST_INLINE unsigned ge_bits(U32 a, U32 b) {
    const __m256i m = _mm256_cmpeq_epi32(_mm256_max_epu32(a.v, b.v), a.v);
    return unsigned(_mm256_movemask_ps(_mm256_castsi256_ps(m)));
}

template <class T>
struct Vec;

template <>
struct Vec<float> {
    using value_type = float;
    using Mask = __m256;  // all ones or all zeros per lane
    using U32 = avx2::U32;
    static constexpr int lanes = 8;
    static constexpr bool looks_up = false;
    __m256 v;

    static STEEPEST_INLINE Vec zero() { return {_mm256_setzero_ps()}; }
    static STEEPEST_INLINE Vec set(float x) { return {_mm256_set1_ps(x)}; }
    static STEEPEST_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n) { return {_mm256_maskload_ps(p, tail_mask32(n))}; }
    static STEEPEST_INLINE Vec load_n(const float* p, index_t n, Vec rest) {
        const __m256i m = tail_mask32(n);
        return {_mm256_blendv_ps(rest.v, _mm256_maskload_ps(p, m), _mm256_castsi256_ps(m))};
    }
    STEEPEST_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
    STEEPEST_INLINE void stream(float* p) const { _mm256_stream_ps(p, v); }
    static STEEPEST_INLINE void fence() { _mm_sfence(); }
    STEEPEST_INLINE void store_n(float* p, index_t n) const { _mm256_maskstore_ps(p, tail_mask32(n), v); }
    static STEEPEST_INLINE Mask first_lanes(index_t n) { return _mm256_castsi256_ps(tail_mask32(n)); }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) {
        const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(int(bits)), lane), lane));
    }
    static STEEPEST_INLINE unsigned bits(Mask m) { return unsigned(_mm256_movemask_ps(m)); }
};

template <>
struct Vec<double> {
    using value_type = double;
    using Mask = __m256d;
    using U32 = avx2::U32;
    static constexpr int lanes = 4;
    static constexpr bool looks_up = false;
    __m256d v;

    static STEEPEST_INLINE Vec zero() { return {_mm256_setzero_pd()}; }
    static STEEPEST_INLINE Vec set(double x) { return {_mm256_set1_pd(x)}; }
    static STEEPEST_INLINE Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n) { return {_mm256_maskload_pd(p, tail_mask64(n))}; }
    static STEEPEST_INLINE Vec load_n(const double* p, index_t n, Vec rest) {
        const __m256i m = tail_mask64(n);
        return {_mm256_blendv_pd(rest.v, _mm256_maskload_pd(p, m), _mm256_castsi256_pd(m))};
    }
    STEEPEST_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
    STEEPEST_INLINE void stream(double* p) const { _mm256_stream_pd(p, v); }
    static STEEPEST_INLINE void fence() { _mm_sfence(); }
    STEEPEST_INLINE void store_n(double* p, index_t n) const { _mm256_maskstore_pd(p, tail_mask64(n), v); }
    static STEEPEST_INLINE Mask first_lanes(index_t n) { return _mm256_castsi256_pd(tail_mask64(n)); }
    static STEEPEST_INLINE Mask mask_from_bits(unsigned bits) {
        const __m256i lane = _mm256_setr_epi64x(1, 2, 4, 8);
        return _mm256_castsi256_pd(_mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x(bits), lane), lane));
    }
    static STEEPEST_INLINE unsigned bits(Mask m) { return unsigned(_mm256_movemask_pd(m)); }
};

using F32 = Vec<float>;
using F64 = Vec<double>;

STEEPEST_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator+(F64 a, F64 b) { return {_mm256_add_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator-(F64 a, F64 b) { return {_mm256_sub_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator*(F64 a, F64 b) { return {_mm256_mul_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 operator/(F64 a, F64 b) { return {_mm256_div_pd(a.v, b.v)}; }

STEEPEST_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
STEEPEST_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
STEEPEST_INLINE F32 fnma(F32 a, F32 b, F32 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
STEEPEST_INLINE F64 fnma(F64 a, F64 b, F64 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }

STEEPEST_INLINE F32 max(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 max(F64 a, F64 b) { return {_mm256_max_pd(a.v, b.v)}; }
STEEPEST_INLINE F32 min(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
STEEPEST_INLINE F64 min(F64 a, F64 b) { return {_mm256_min_pd(a.v, b.v)}; }

STEEPEST_INLINE __m256 lt(F32 a, F32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
STEEPEST_INLINE __m256d lt(F64 a, F64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ); }
STEEPEST_INLINE __m256 le(F32 a, F32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ); }
STEEPEST_INLINE __m256d le(F64 a, F64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ); }
STEEPEST_INLINE __m256 gt(F32 a, F32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ); }
STEEPEST_INLINE __m256d gt(F64 a, F64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ); }
STEEPEST_INLINE __m256 ge(F32 a, F32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ); }
STEEPEST_INLINE __m256d ge(F64 a, F64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ); }
STEEPEST_INLINE __m256 eq(F32 a, F32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ); }
STEEPEST_INLINE __m256d eq(F64 a, F64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ); }
STEEPEST_INLINE F32 select(__m256 m, F32 if_true, F32 if_false) { return {_mm256_blendv_ps(if_false.v, if_true.v, m)}; }
STEEPEST_INLINE F64 select(__m256d m, F64 if_true, F64 if_false) {
    return {_mm256_blendv_pd(if_false.v, if_true.v, m)};
}

STEEPEST_INLINE F32 neg(F32 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
STEEPEST_INLINE F64 neg(F64 a) { return {_mm256_xor_pd(a.v, _mm256_set1_pd(-0.0))}; }
STEEPEST_INLINE F32 abs(F32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
STEEPEST_INLINE F64 abs(F64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
STEEPEST_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
STEEPEST_INLINE F64 sqrt(F64 a) { return {_mm256_sqrt_pd(a.v)}; }
STEEPEST_INLINE F32 copysign(F32 a, F32 sign) {
    return {_mm256_or_ps(abs(a).v, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign.v))};
}
STEEPEST_INLINE F64 copysign(F64 a, F64 sign) {
    return {_mm256_or_pd(abs(a).v, _mm256_and_pd(_mm256_set1_pd(-0.0), sign.v))};
}
STEEPEST_INLINE F32 round(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F64 round(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F32 floor(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
STEEPEST_INLINE F64 floor(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }

// 2^n: adding 2^23 + 127 (2^52 + 1023) leaves the biased exponent in the lowest bits of the word.
STEEPEST_INLINE F32 power_of_two(F32 n) {
    const __m256 biased = _mm256_add_ps(n.v, _mm256_set1_ps(8388608.0f + 127.0f));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(biased), 23))};
}
STEEPEST_INLINE F64 power_of_two(F64 n) {
    const __m256d biased = _mm256_add_pd(n.v, _mm256_set1_pd(4503599627370496.0 + 1023.0));
    return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(biased), 52))};
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
    const __m256 tiny = lt(abs(a), F32::set(1.17549435e-38f));
    const F32 x = select(tiny, a * F32::set(16777216.0f), a);
    const __m256i word = _mm256_castps_si256(x.v);
    const __m256i biased = _mm256_and_si256(_mm256_srli_epi32(word, 23), _mm256_set1_epi32(0xff));
    *exponent = F32{_mm256_cvtepi32_ps(biased)} - select(tiny, F32::set(126.0f + 24.0f), F32::set(126.0f));
    const __m256 fraction = _mm256_and_ps(x.v, _mm256_castsi256_ps(_mm256_set1_epi32(int(0x807fffffu))));
    return {_mm256_or_ps(fraction, _mm256_set1_ps(0.5f))};
}
STEEPEST_INLINE F64 frexp(F64 a, F64* exponent) {
    const __m256d tiny = lt(abs(a), F64::set(2.2250738585072014e-308));
    const F64 x = select(tiny, a * F64::set(18014398509481984.0), a);
    const __m256i word = _mm256_castpd_si256(x.v);
    const __m256i biased = _mm256_and_si256(_mm256_srli_epi64(word, 52), _mm256_set1_epi64x(0x7ff));
    // Integer to double by hand: put it under the exponent of 2^52 and take 2^52 away again.
    const __m256d magic = _mm256_set1_pd(4503599627370496.0);
    const F64 value = {_mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(biased, _mm256_castpd_si256(magic))), magic)};
    *exponent = value - select(tiny, F64::set(1022.0 + 54.0), F64::set(1022.0));
    const __m256d keep = _mm256_castsi256_pd(_mm256_set1_epi64x(std::int64_t(0x800fffffffffffffull)));
    return {_mm256_or_pd(_mm256_and_pd(x.v, keep), _mm256_set1_pd(0.5))};
}

// Halves, then pairs: (((0+4)+(2+6)) + ((1+5)+(3+7))).
STEEPEST_INLINE float reduce_add(F32 a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}
STEEPEST_INLINE double reduce_add(F64 a) {
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
STEEPEST_INLINE float reduce_max(F32 a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
}
STEEPEST_INLINE double reduce_max(F64 a) {
    const __m128d s = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
    return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
}

// In each 16 bytes: low = a0 b0 a1 b1, high = a2 b2 a3 b3 (doubles: a0 b0 and a1 b1).
STEEPEST_INLINE void interleave(F32 a, F32 b, F32* low, F32* high) {
    *low = {_mm256_unpacklo_ps(a.v, b.v)};
    *high = {_mm256_unpackhi_ps(a.v, b.v)};
}
STEEPEST_INLINE void interleave(F64 a, F64 b, F64* low, F64* high) {
    *low = {_mm256_unpacklo_pd(a.v, b.v)};
    *high = {_mm256_unpackhi_pd(a.v, b.v)};
}

// Of 16 bytes each: even = the even ones of a, then those of b; odd likewise.
STEEPEST_INLINE void separate(F32 a, F32 b, F32* even, F32* odd) {
    *even = {_mm256_permute2f128_ps(a.v, b.v, 0x20)};
    *odd = {_mm256_permute2f128_ps(a.v, b.v, 0x31)};
}
STEEPEST_INLINE void separate(F64 a, F64 b, F64* even, F64* odd) {
    *even = {_mm256_permute2f128_pd(a.v, b.v, 0x20)};
    *odd = {_mm256_permute2f128_pd(a.v, b.v, 0x31)};
}

}  // namespace
}  // namespace avx2
}  // namespace steepest
