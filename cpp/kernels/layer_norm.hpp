// Layer norm (Ba, Kiros and Hinton 2016): every row by its own mean and variance, gamma and beta per column.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// Sums of a row run in four chains, or one addition would wait for the other; f(j, n) gives the terms of the columns from j on,
// n == lanes for whole vectors, and zeros in the lanes beyond n.
template <class V, class F>
STEEPEST_INLINE typename V::value_type chained_sum(index_t cols, const F& f) {
    constexpr index_t L = V::lanes;
    V a = V::zero(), b = V::zero(), c = V::zero(), d = V::zero();
    index_t j = 0;
    for (; j + 4 * L <= cols; j += 4 * L) {
        a = a + f(j, L);
        b = b + f(j + L, L);
        c = c + f(j + 2 * L, L);
        d = d + f(j + 3 * L, L);
    }
    for (; j < cols; j += L) a = a + f(j, cols - j < L ? cols - j : L);
    return reduce_add((a + b) + (c + d));
}

template <class V>
STEEPEST_INLINE V load_some(const typename V::value_type* p, index_t n) {
    return n == V::lanes ? V::load(p) : V::load_n(p, n);
}

// The machine's root of one number; the library's function would not be inlined everywhere.
template <class V>
STEEPEST_INLINE typename V::value_type root(typename V::value_type x) {
    return reduce_add(sqrt(V::load_n(&x, 1)));
}

template <class V>
struct RowTerm {
    const typename V::value_type* x;
    STEEPEST_INLINE V operator()(index_t j, index_t n) const { return load_some<V>(x + j, n); }
};
template <class V>
struct RowSquare {  // (x - mean)^2
    const typename V::value_type* x;
    typename V::value_type mean;
    STEEPEST_INLINE V operator()(index_t j, index_t n) const {
        const V m = V::set(mean), d = (n == V::lanes ? V::load(x + j) : V::load_n(x + j, n, m)) - m;
        return d * d;
    }
};

// y = gamma (x - mean) inv_std + beta with the row's mean and biased variance, the variance from the differences to the mean: the
// row is in the first-level cache by then, and mean(x^2) - mean^2 loses all digits where the mean is large.
template <class V>
void layer_norm_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                        const typename V::value_type* gamma, const typename V::value_type* beta,
                        typename V::value_type epsilon, typename V::value_type* y, index_t ldy,
                        typename V::value_type* mean, typename V::value_type* inv_std) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    const T count = T(cols > 0 ? cols : 1);
    for (index_t r = 0; r < rows; ++r) {
        const T* from = x + r * ldx;
        T* to = y + r * ldy;
        const T m = chained_sum<V>(cols, RowTerm<V>{from}) / count;
        const T variance = chained_sum<V>(cols, RowSquare<V>{from, m}) / count;
        const T s = T(1) / root<V>(variance + epsilon);
        mean[r] = m;
        inv_std[r] = s;
        const V centre = V::set(m), scale = V::set(s);
        index_t j = 0;
        for (; j + L <= cols; j += L)
            fma((V::load(from + j) - centre) * scale, V::load(gamma + j), V::load(beta + j)).store(to + j);
        if (j < cols) {
            const index_t n = cols - j;
            fma((V::load_n(from + j, n) - centre) * scale, V::load_n(gamma + j, n), V::load_n(beta + j, n))
                .store_n(to + j, n);
        }
    }
}

template <class V>
struct ScaledGradient {  // gamma dy
    const typename V::value_type *gamma, *dy;
    STEEPEST_INLINE V operator()(index_t j, index_t n) const {
        return load_some<V>(gamma + j, n) * load_some<V>(dy + j, n);
    }
};
template <class V>
struct ScaledProduct {  // gamma dy (x - mean); gamma is 0 in the lanes beyond n
    const typename V::value_type *gamma, *dy, *x;
    V mean;
    STEEPEST_INLINE V operator()(index_t j, index_t n) const {
        return load_some<V>(gamma + j, n) * load_some<V>(dy + j, n) * (load_some<V>(x + j, n) - mean);
    }
};

// y = gamma xhat + beta, xhat = (x - mean) inv_std, mean and inv_std themselves functions of the row:
//     dx = inv_std (g - mean(g) - xhat mean(g xhat)),  g = gamma dy
template <class V>
void layer_norm_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                         const typename V::value_type* inv_std, const typename V::value_type* gamma,
                         typename V::value_type* dx, index_t lddx) {
    using T = typename V::value_type;
    const T share = T(1) / T(cols > 0 ? cols : 1);
    for (index_t r = 0; r < rows; ++r) {
        const T *from = x + r * ldx, *gradient = dy + r * lddy;
        T* to = dx + r * lddx;
        const V centre = V::set(mean[r]), scale = V::set(inv_std[r]);
        const T plain = chained_sum<V>(cols, ScaledGradient<V>{gamma, gradient}) * share;
        const T product = chained_sum<V>(cols, ScaledProduct<V>{gamma, gradient, from, centre}) * share;
        const V mean_g = V::set(plain), slope = V::set(product * inv_std[r] * inv_std[r]);
        for (index_t j = 0; j < cols; j += V::lanes) {
            const index_t n = cols - j < V::lanes ? cols - j : V::lanes;
            const V g = load_some<V>(gamma + j, n) * load_some<V>(gradient + j, n) - mean_g;
            const V out = fnma(load_some<V>(from + j, n) - centre, slope, g) * scale;
            if (n == V::lanes)
                out.store(to + j);
            else
                out.store_n(to + j, n);
        }
    }
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
