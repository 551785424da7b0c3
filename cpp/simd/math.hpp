// exp, log, log1p, expm1, tanh, sigmoid, softplus and erf over any vector type.
//
// Bounds in ULP of the result, held by dense sweeps against a wider type (tests/test_kernels_math.py, which prints what is reached):
// exp 1.5, log 1, log1p 1, expm1 2.5, tanh 3, sigmoid 2.5, softplus 2, erf 2, for both types and with or without fused multiply-add.
// Limits are those of the C library: overflow to inf, underflow through the denormals to 0, NaN in gives NaN out, log(0) = -inf,
// log of a negative number is NaN. With denormals flushed (in workers) a denormal argument counts as zero.
//
// No branches, and tables only where a register holds them (Vec::looks_up): every lane takes the same way, and the few rare cases
// are put right by a select.
#pragma once

#include <limits>

#include "core/inline.hpp"
#include "simd/math_constants.hpp"

namespace steepest {
namespace {

// c[0] + c[1] x + ... by Horner's rule.
template <class V, int N>
STEEPEST_INLINE V polynomial(V x, const typename V::value_type (&c)[N]) {
    V sum = V::set(c[N - 1]);
#pragma GCC unroll 32
    for (int i = N - 2; i >= 0; --i) sum = fma(sum, x, V::set(c[i]));
    return sum;
}

// The same by pairs, pairs of pairs and so on: more multiplications, but a chain of log2(N) where Horner's has N, and chains are what a
// loop of long ones waits for.
template <class V, int N>
STEEPEST_INLINE V polynomial_by_pairs(V x, const typename V::value_type (&c)[N]) {
    V sums[(N + 1) / 2];
#pragma GCC unroll 16
    for (int i = 0; i < (N + 1) / 2; ++i)
        sums[i] = 2 * i + 1 < N ? fma(V::set(c[2 * i + 1 < N ? 2 * i + 1 : 0]), x, V::set(c[2 * i])) : V::set(c[2 * i]);
    int left = (N + 1) / 2;
#pragma GCC unroll 8
    while (left > 1) {
        x = x * x;
        for (int i = 0; i < left / 2; ++i) sums[i] = fma(sums[2 * i + 1], x, sums[2 * i]);
        if (left % 2 == 1) sums[left / 2] = sums[left - 1];
        left = (left + 1) / 2;
    }
    return sums[0];
}

// exp(r) - 1 for |r| <= ln 2 / 2
template <class V>
STEEPEST_INLINE V expm1_near_zero(V r) {
    using C = MathConstants<typename V::value_type>;
    if constexpr (sizeof(typename V::value_type) == 4) return fma(r * r, polynomial(r, C::exp_rest), r);
    return fma(r * r, polynomial_by_pairs(r, C::exp_rest), r);
}

// x = n ln 2 + r with integer n and |r| <= ln 2 / 2; returns exp(r) - 1.
template <class V>
STEEPEST_INLINE V expm1_reduced(V x, V* n) {
    using C = MathConstants<typename V::value_type>;
    *n = round(x * V::set(C::log2_e));
    V r = fnma(*n, V::set(C::ln2_high), x);
    r = fnma(*n, V::set(C::ln2_low), r);
    return expm1_near_zero(r);
}

template <class V>
STEEPEST_INLINE V exp(V x) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    // In this order a NaN in x survives both: it is the second operand.
    x = min(V::set(C::exp_high), max(V::set(C::exp_low), x));
    V n;
    const V p = expm1_reduced(x, &n);
    return ldexp(p + V::set(T(1)), n);
}

// exp(x) for x <= exp_safe, where nothing overflows: 2^n is at hand while the polynomial is still on its way.
template <class V>
STEEPEST_INLINE V exp_below(V x) {
    using T = typename V::value_type;
    V n;
    const V p = expm1_reduced(max(V::set(MathConstants<T>::exp_low), x), &n), power = ldexp(V::set(T(1)), n);
    return fma(power, p, power);
}

template <class V>
STEEPEST_INLINE V expm1(V x) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    const V clamped = min(V::set(C::exp_high), max(V::set(C::expm1_low), x));
    V n;
    const V p = expm1_reduced(clamped, &n);
    const V one = V::set(T(1));
    // 2^n (1 + p) - 1 = 2^n (p + (1 - 2^-n)); the bracket is exact until 2^-n falls below the last bit.
    const V y = ldexp(p + (one - ldexp(one, neg(n))), n);
    return copysign(y, x);  // for -0
}

// log(m 2^k) for m = 1 + f in [sqrt(1/2), sqrt(2)), plus a small correction c.
// log(1 + f) = f - f^2/2 + s (f^2/2 + z L(z)), s = f / (2 + f), z = s^2: most of the result is exact in f.
template <class V>
STEEPEST_INLINE V log_reduced(V f, V k, V c) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    const V s = f / (f + V::set(T(2)));
    const V z = s * s, half_square = f * f * V::set(T(0.5));
    const V rest = s * fma(z, polynomial(z, C::log_rest), half_square);
    const V low = fma(k, V::set(C::ln2_low), rest + c);
    return fma(k, V::set(C::ln2_high), f - (half_square - low));
}

// x = m 2^k with m in [sqrt(1/2), sqrt(2)); returns m - 1, which is exact.
template <class V>
STEEPEST_INLINE V split_for_log(V x, V* k) {
    using T = typename V::value_type;
    const V m = frexp(x, k);
    const auto small = lt(m, V::set(MathConstants<T>::sqrt_half));
    *k = select(small, *k - V::set(T(1)), *k);
    return select(small, m + m, m) - V::set(T(1));
}

// The limits of log at u = its argument, x = what NaN and inf are to be taken from.
template <class V>
STEEPEST_INLINE V log_limits(V y, V u, V x) {
    using Limits = std::numeric_limits<typename V::value_type>;
    const V inf = V::set(Limits::infinity());
    y = select(eq(u, V::zero()), neg(inf), y);
    y = select(eq(x, inf), inf, y);
    return select(ge(u, V::zero()), y, V::set(Limits::quiet_NaN()));
}

template <class V>
STEEPEST_INLINE V log(V x) {
    V k;
    const V f = split_for_log(x, &k);
    return log_limits(log_reduced(f, k, V::zero()), x, x);
}

template <class V>
STEEPEST_INLINE V log1p(V x) {
    using T = typename V::value_type;
    const V one = V::set(T(1));
    const V u = x + one;
    V k;
    V f = split_for_log(u, &k);
    // u lost the low bits of x: log(u + d) = log(u) + d / u. Where k = 0 nothing needs to be lost: f = x.
    V c = (x - (u - one)) / u;
    const auto near = eq(k, V::zero());
    f = select(near, x, f);
    c = select(near, V::zero(), c);
    return copysign(log_limits(log_reduced(f, k, c), u, x), x);
}

// tanh(c + h) = (t + u) / (1 + t u), t = tanh(c) of the nearest of 32 points, which lie in registers, and u = tanh(h). Both sums are rounded
// once and t + u <= 1 + t u, so nothing comes out above 1.
template <class V>
STEEPEST_INLINE V tanh_by_table(V x) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    const V a = min(V::set(31 * C::tanh_step), abs(x));
    // 1.5 2^23, whose last bit is worth 1: the sum carries the point's number in its low bits, rounded to nearest.
    const V units = V::set(T(12582912));
    const V index = fma(a, V::set(1 / C::tanh_step), units);
    const V h = fnma(index - units, V::set(C::tanh_step), a);
    const V t = V::lookup(C::tanh_table, index), square = h * h;
    const V u = fma(h * square, fma(square, V::set(C::tanh_rest[1]), V::set(C::tanh_rest[0])), h);
    return copysign((t + u) / fma(t, u, V::set(T(1))), x);
}

// tanh|x| = -e / (e + 2), e = exp(-2 |x|) - 1 in (-1, 0]. Of ln 2 one part is enough: what n times its error is in the exponent, 2^n makes
// vanish beside 1.
template <class V>
STEEPEST_INLINE V tanh(V x) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    if constexpr (V::looks_up) return tanh_by_table(x);
    const V one = V::set(T(1)), twice = max(V::set(C::expm1_low), abs(x) * V::set(T(-2)));
    const V n = round(twice * V::set(C::log2_e)), power = ldexp(one, n);
    const V p = expm1_near_zero(fnma(n, V::set(C::ln2), twice));
    const V e = fma(power, p, power - one);
    return copysign(e / (e + V::set(T(2))), x);
}

// 1 / (1 + exp(-x)) = e / (1 + e), e = exp(x): the small values on the left keep their relative accuracy, and on the right 1 + e is e long
// before e would overflow.
template <class V>
STEEPEST_INLINE V sigmoid(V x) {
    using T = typename V::value_type;
    const V e = exp_below(min(V::set(MathConstants<T>::exp_safe), x));
    return e / (V::set(T(1)) + e);
}

// log(1 + e) for e in [0, 1]: where 1 + e is above sqrt(2) it is 2 (1 + f) with f = (e - 1) / 2, elsewhere f = e. No exponent has to
// be taken apart, and no digit of e is lost.
template <class V>
STEEPEST_INLINE V log1p_unit(V e) {
    using T = typename V::value_type;
    const V one = V::set(T(1));
    const auto upper = gt(e, V::set(T(0.41421356237309504880)));
    const V f = select(upper, (e - one) * V::set(T(0.5)), e);
    return log_reduced(f, select(upper, one, V::zero()), V::zero());
}

// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).
template <class V>
STEEPEST_INLINE V softplus(V x) {
    return max(V::zero(), x) + log1p_unit(exp_below(neg(abs(x))));
}

// Below 1 an odd polynomial, above 1 - exp(-x^2) erfcx(x), where erfc is so small that its own rounding does not show.
template <class V>
STEEPEST_INLINE V erf(V x) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    const V one = V::set(T(1)), two = V::set(T(2));
    const V a = min(V::set(C::erf_high), abs(x));
    const V z = a * a;
    const V inner = fma(a, polynomial(z, C::erf_small), a);
    const V t = (a - two) / (a + two);
    const V outer = one - exp_below(neg(z)) * polynomial(t, C::erfcx);
    return copysign(select(lt(a, one), inner, outer), x);
}

// P(x) = (1 + erf(x / sqrt 2)) / 2 and its density p(x) = exp(-x^2 / 2) / sqrt(2 pi) from one exponential. The left tail comes from
// erfc, not from 1 - erf, so it keeps its digits until erf's polynomial ends (5.6, 8.5 in double), and then falls on to 0.
template <class V>
STEEPEST_INLINE V normal_distribution(V x, V* density) {
    using T = typename V::value_type;
    using C = MathConstants<T>;
    const V one = V::set(T(1)), two = V::set(T(2)), half = V::set(T(0.5));
    const V a = abs(x) * V::set(C::sqrt_half), z = x * x * half;
    const V e = exp_below(neg(z));
    *density = e * V::set(T(0.39894228040143267794));
    const V bounded = min(V::set(C::erf_high), a);
    const V outer = e * polynomial((bounded - two) / (bounded + two), C::erfcx);
    const V inner = one - fma(a, polynomial(z, C::erf_small), a);
    const V tail = half * select(lt(a, one), inner, outer);
    return select(lt(x, V::zero()), tail, one - tail);
}

// cos and sin of pi k for k in [-1, 1], to a few units in the last place of 1. The series of the quarter of the angle, at most pi / 4,
// and twice the formulas of the double angle: no quadrants and no branches.
template <class V>
STEEPEST_INLINE void cos_sin_pi(V k, V* cosine, V* sine) {
    using T = typename V::value_type;
    static constexpr T c[] = {T(1.0),
                              T(-1.0 / 2),
                              T(1.0 / 24),
                              T(-1.0 / 720),
                              T(1.0 / 40320),
                              T(-1.0 / 3628800),
                              T(1.0 / 479001600),
                              T(-1.0 / 87178291200.0),
                              T(1.0 / 20922789888000.0)};
    static constexpr T s[] = {T(1.0),
                              T(-1.0 / 6),
                              T(1.0 / 120),
                              T(-1.0 / 5040),
                              T(1.0 / 362880),
                              T(-1.0 / 39916800),
                              T(1.0 / 6227020800.0),
                              T(-1.0 / 1307674368000.0),
                              T(1.0 / 355687428096000.0)};
    const V two = V::set(T(2)), a = k * V::set(T(0.78539816339744830962)), z = a * a;
    *cosine = polynomial(z, c);
    *sine = a * polynomial(z, s);
    for (int doubling = 0; doubling < 2; ++doubling) {
        const V twice = two * *sine, doubled = twice * *cosine;
        *cosine = fnma(twice, *sine, V::set(T(1)));  // 1 - 2 sin^2
        *sine = doubled;
    }
}

}  // namespace
}  // namespace steepest
