// Layer norm (Ba, Kiros and Hinton 2016): every row by its own mean and variance, gamma and beta per column.
#pragma once

#include <math.h>

#include <limits>
#include <type_traits>

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// f(first column, columns, chain) for whole vectors in two chains by turns, then for what is left in the first.
template <class V, class F>
STEEPEST_INLINE void in_chains(index_t cols, const F& f) {
    constexpr index_t L = V::lanes;
    index_t j = 0;
    for (; j + 2 * L <= cols; j += 2 * L) {
        f(j, L, 0);
        f(j + L, L, 1);
    }
    for (; j < cols; j += L) f(j, cols - j < L ? cols - j : L, 0);
}

// Rows side by side: what one row ends with (a sum over lanes, a root, a quotient) takes as long as a hundred additions, and the other
// row's work fills that time. A row's bits do not depend on its neighbours. Rows of large arrays go one by one, as memory likes it.
constexpr int kRowsAtOnce = 2;

template <class V>
STEEPEST_INLINE V load_some(const typename V::value_type* p, index_t n) {
    return n == V::lanes ? V::load(p) : V::load_n(p, n);
}

template <class T>
struct Moments {
    T mean, variance;
};

// A row's once more, about a mean that may be off by the roundings of its sum: of equal values that would be all their variance (the
// corrected two-pass algorithm: Chan, Golub and LeVeque 1983). Seldom needed, so element by element.
template <class V>
STEEPEST_NOINLINE Moments<typename V::value_type> corrected(index_t cols, const typename V::value_type* x,
                                                            typename V::value_type mean) {
    using T = typename V::value_type;
    T sum = T(0), square = T(0);
    for (index_t j = 0; j < cols; ++j) {
        const T d = x[j] - mean;
        sum += d;
        square += d * d;
    }
    const T missed = sum / T(cols), rest = square / T(cols) - missed * missed;
    return {mean + missed, rest < T(0) ? T(0) : rest};
}

// mean and variance of R rows, in two chains each: a second reading, of what the first left in the first-level cache, for a variance from
// sums of squares alone would lose its digits to one far value. It leaves time to ask for what lies `ahead` elements further on.
template <class V, int R>
STEEPEST_INLINE void row_moments(index_t cols, const typename V::value_type* x, index_t ldx, index_t ahead,
                                 typename V::value_type (&mean)[R], typename V::value_type (&variance)[R]) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    const T share = T(1) / T(cols > 0 ? cols : 1);
    V sum[R][2], square[R][2], m[R];
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) sum[i][0] = sum[i][1] = square[i][0] = square[i][1] = V::zero();
    const auto add = [&](index_t j, index_t n, int chain) STEEPEST_INLINE_LAMBDA {
#pragma GCC unroll 2
        for (int i = 0; i < R; ++i) sum[i][chain] = sum[i][chain] + load_some<V>(x + i * ldx + j, n);
    };
    const auto add_square = [&](index_t j, index_t n, int chain) STEEPEST_INLINE_LAMBDA {
#pragma GCC unroll 2
        for (int i = 0; i < R; ++i) {
            const T* from = x + i * ldx + j;
            STEEPEST_PREFETCH(from + ahead);
            const V d = (n == L ? V::load(from) : V::load_n(from, n, m[i])) - m[i];
            square[i][chain] = fma(d, d, square[i][chain]);
        }
    };
    in_chains<V>(cols, add);
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) m[i] = V::set(mean[i] = reduce_add(sum[i][0] + sum[i][1]) * share);
    in_chains<V>(cols, add_square);
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) variance[i] = reduce_add(square[i][0] + square[i][1]) * share;
    // The sum of n values is off by at most n / 2 roundings of their size; a variance 256 times what that makes is right to half a percent.
    const T roundings = T(8) * T(cols) * std::numeric_limits<T>::epsilon();
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) {
        const T near = roundings * mean[i];
        if (!(variance[i] < near * near)) continue;
        const Moments<T> right = corrected<V>(cols, x + i * ldx, mean[i]);
        mean[i] = right.mean;
        variance[i] = right.variance;
    }
}

// C's functions become one instruction; those of C++ are inline functions, which must not be shared (core/inline.hpp).
STEEPEST_INLINE float root(float x) { return ::sqrtf(x); }
STEEPEST_INLINE double root(double x) { return ::sqrt(x); }

// y = gamma ((x - mean) inv_std) + beta for R rows
template <class V, int R>
struct LayerNormOutput {
    using T = typename V::value_type;
    bool stream;
    const T* x;
    index_t ldx;
    const T *gamma, *beta;
    T* y;
    index_t ldy;
    V mean[R], inv_std[R];

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const V g = block.load(gamma, v), b = block.load(beta, v);
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) {
                const V xhat = (block.load(x + i * ldx, v) - mean[i]) * inv_std[i];
                put(stream, block, y + i * ldy, v, fma(xhat, g, b));
            }
        }
    }
};

// R rows, which are in the first-level cache when they are read again. head: see aligned_head.
template <class V, int R>
STEEPEST_INLINE void layer_norm_rows(index_t cols, const typename V::value_type* x, index_t ldx, index_t ahead,
                                     const typename V::value_type* gamma, const typename V::value_type* beta,
                                     typename V::value_type epsilon, typename V::value_type* y, index_t ldy,
                                     typename V::value_type* mean, typename V::value_type* inv_std, index_t head) {
    using T = typename V::value_type;
    T m[R], s[R];
    row_moments<V, R>(cols, x, ldx, ahead, m, s);
    LayerNormOutput<V, R> output{head >= 0, x, ldx, gamma, beta, y, ldy, {}, {}};
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
        mean[i] = m[i];
        inv_std[i] = s[i] = T(1) / root(s[i] + epsilon);
        output.mean[i] = V::set(m[i]);
        output.inv_std[i] = V::set(s[i]);
    }
    for_blocks<V>(cols, output, head);
}

// y = gamma (x - mean) inv_std + beta with the row's mean and biased variance.
template <class V>
void layer_norm_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                        const typename V::value_type* gamma, const typename V::value_type* beta,
                        typename V::value_type epsilon, typename V::value_type* y, index_t ldy,
                        typename V::value_type* mean, typename V::value_type* inv_std, bool far) {
    constexpr int R = kRowsAtOnce;
    const index_t head = far && x != y ? aligned_head<V>(rows, cols, y, ldy) : -1;
    const index_t ahead = (far ? rows_of_bytes<V>(cols, 4096) : R) * ldx;
    index_t r = 0;
    for (; !far && r + R <= rows; r += R)
        layer_norm_rows<V, R>(cols, x + r * ldx, ldx, ahead, gamma, beta, epsilon, y + r * ldy, ldy, mean + r,
                              inv_std + r, head);
    for (; r < rows; ++r)
        layer_norm_rows<V, 1>(cols, x + r * ldx, ldx, ahead, gamma, beta, epsilon, y + r * ldy, ldy, mean + r,
                              inv_std + r, head);
    if (head >= 0) V::fence();
}

// plain = sum gamma dy and product = sum gamma dy (x - mean) of R rows in two chains each. In the lanes beyond n gamma is 0.
template <class V, int R>
STEEPEST_INLINE void scaled_sums(index_t cols, const typename V::value_type* x, index_t ldx,
                                 const typename V::value_type* dy, index_t lddy, const typename V::value_type* gamma,
                                 const typename V::value_type (&mean)[R], typename V::value_type (&plain)[R],
                                 typename V::value_type (&product)[R]) {
    V p[R][2], q[R][2];
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) p[i][0] = p[i][1] = q[i][0] = q[i][1] = V::zero();
    const auto add = [&](index_t j, index_t n, int chain) STEEPEST_INLINE_LAMBDA {
        const V weight = load_some<V>(gamma + j, n);
#pragma GCC unroll 2
        for (int i = 0; i < R; ++i) {
            const V g = weight * load_some<V>(dy + i * lddy + j, n);
            p[i][chain] = p[i][chain] + g;
            q[i][chain] = fma(g, load_some<V>(x + i * ldx + j, n) - V::set(mean[i]), q[i][chain]);
        }
    };
    in_chains<V>(cols, add);
#pragma GCC unroll 2
    for (int i = 0; i < R; ++i) {
        plain[i] = reduce_add(p[i][0] + p[i][1]);
        product[i] = reduce_add(q[i][0] + q[i][1]);
    }
}

// dx = ((gamma dy - mean_g) - xhat slope) inv_std for R rows; and, while they are there, the sums of dy and of dy xhat over them and
// over the rows before, where they are asked for.
template <class V, int R, bool Sums>
struct LayerNormGradient {
    using T = typename V::value_type;
    bool stream;
    index_t ahead;  // rows; 0 asks for nothing
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    const T* gamma;
    T* dx;
    index_t lddx;
    bool onward;
    T *sum_dy, *sum_dy_xhat;
    V mean[R], inv_std[R], mean_g[R], slope[R];

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        for (int v = 0; v < N; ++v) {
            const V weight = block.load(gamma, v);
            V plain = V::zero(), product = V::zero();
            if (Sums && onward) {
                plain = block.load(sum_dy, v);
                product = block.load(sum_dy_xhat, v);
            }
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) {
                if (ahead > 0) {
                    STEEPEST_PREFETCH_L2(x + (i + ahead) * ldx + block.first + v * V::lanes);
                    STEEPEST_PREFETCH_L2(dy + (i + ahead) * lddy + block.first + v * V::lanes);
                }
                const V own = block.load(dy + i * lddy, v);
                const V xhat = (block.load(x + i * ldx, v) - mean[i]) * inv_std[i];
                if constexpr (Sums) {
                    plain = plain + own;
                    product = fma(own, xhat, product);
                }
                const V g = weight * own - mean_g[i];
                put(stream, block, dx + i * lddx, v, fnma(xhat, slope[i], g) * inv_std[i]);
            }
            if constexpr (Sums) {
                block.store(sum_dy, v, plain);
                block.store(sum_dy_xhat, v, product);
            }
        }
    }
};

template <class V, int R>
STEEPEST_INLINE void layer_norm_backward_rows(index_t cols, const typename V::value_type* x, index_t ldx,
                                              const typename V::value_type* dy, index_t lddy,
                                              const typename V::value_type* mean, const typename V::value_type* inv_std,
                                              const typename V::value_type* gamma, typename V::value_type* dx,
                                              index_t lddx, bool onward, typename V::value_type* sum_dy,
                                              typename V::value_type* sum_dy_xhat, index_t ahead, index_t head) {
    using T = typename V::value_type;
    const T share = T(1) / T(cols > 0 ? cols : 1);
    T m[R], s[R], mean_g[R], slope[R];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
        m[i] = mean[i];
        s[i] = inv_std[i];
    }
    scaled_sums<V, R>(cols, x, ldx, dy, lddy, gamma, m, mean_g, slope);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
        mean_g[i] *= share;
        slope[i] *= share * s[i];
    }
    const auto output = [&](auto sums) STEEPEST_INLINE_LAMBDA {
        LayerNormGradient<V, R, sums> gradient{head >= 0, ahead,  x,      ldx,         dy, lddy, gamma, dx,
                                               lddx,      onward, sum_dy, sum_dy_xhat, {}, {},   {},    {}};
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i) {
            gradient.mean[i] = V::set(m[i]);
            gradient.inv_std[i] = V::set(s[i]);
            gradient.mean_g[i] = V::set(mean_g[i]);
            gradient.slope[i] = V::set(slope[i]);
        }
        for_blocks<V>(cols, gradient, head);
    };
    sum_dy == nullptr ? output(std::false_type{}) : output(std::true_type{});
}

// y = gamma xhat + beta, xhat = (x - mean) inv_std, mean and inv_std themselves functions of the row:
//     dx = inv_std (g - mean(g) - xhat mean(g xhat)),  g = gamma dy
template <class V>
void layer_norm_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                         const typename V::value_type* inv_std, const typename V::value_type* gamma,
                         typename V::value_type* dx, index_t lddx, typename V::value_type* sum_dy,
                         typename V::value_type* sum_dy_xhat, bool far) {
    constexpr int R = kRowsAtOnce;
    const index_t head = far && x != dx && dy != dx ? aligned_head<V>(rows, cols, dx, lddx) : -1;
    const index_t ahead = far ? rows_of_bytes<V>(cols, 16384) : 0;
    index_t r = 0;
    for (; !far && r + R <= rows; r += R)
        layer_norm_backward_rows<V, R>(cols, x + r * ldx, ldx, dy + r * lddy, lddy, mean + r, inv_std + r, gamma,
                                       dx + r * lddx, lddx, r > 0, sum_dy, sum_dy_xhat, ahead, head);
    for (; r < rows; ++r)
        layer_norm_backward_rows<V, 1>(cols, x + r * ldx, ldx, dy + r * lddy, lddy, mean + r, inv_std + r, gamma,
                                       dx + r * lddx, lddx, r > 0, sum_dy, sum_dy_xhat, ahead, head);
    if (head >= 0) V::fence();
}

// sum_dy = sum_r dy (beta's gradient), sum_dy_xhat = sum_r dy (x - mean_r) inv_std_r (gamma's), per column.
template <class V>
struct LayerNormSums {
    using T = typename V::value_type;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    const T *mean, *inv_std;
    T *sum_dy, *sum_dy_xhat;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V plain[N], product[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) plain[v] = product[v] = V::zero();
        for (index_t r = 0; r < rows; ++r) {
            const V m = V::set(mean[r]), s = V::set(inv_std[r]);
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V g = block.load(dy + r * lddy, v);
                plain[v] = plain[v] + g;
                product[v] = fma(g, (block.load(x + r * ldx, v) - m) * s, product[v]);
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            block.store(sum_dy, v, plain[v]);
            block.store(sum_dy_xhat, v, product[v]);
        }
    }
};

template <class V>
void layer_norm_sums(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                     const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                     const typename V::value_type* inv_std, typename V::value_type* sum_dy,
                     typename V::value_type* sum_dy_xhat) {
    for_blocks<V>(cols, LayerNormSums<V>{rows, x, ldx, dy, lddy, mean, inv_std, sum_dy, sum_dy_xhat});
}

}  // namespace
}  // namespace steepest
