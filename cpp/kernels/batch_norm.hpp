// Batch norm: moments of columns, the normalisation and its gradient.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// mean (cols) and m2 (cols) = sum over rows of (x - mean)^2. The one-pass formula loses all digits where the mean is large against the
// deviation, so the moments of R rows, read once, are taken in two passes over registers and joined with those of the `before` rows by
// the formula below. A few rows at a time go along all columns: memory is read along its rows.
template <class V, int R>
struct StripMoments {
    using T = typename V::value_type;
    index_t before;
    const T* x;
    index_t ldx;
    T* mean;
    T* m2;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        const T share = T(R) / T(before + R);
        const V weight = V::set(share), cross = V::set(T(before) * share), each = V::set(T(1) / T(R));
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            V own[R], m = V::zero(), s = V::zero();
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
                own[r] = block.load(x + r * ldx, v);
                m = m + own[r];
            }
            m = m * each;
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
                const V d = own[r] - m;
                s = fma(d, d, s);
            }
            if (before > 0) {
                const V old = block.load(mean, v), d = m - old;
                m = fma(d, weight, old);
                s = fma(d * d, cross, s + block.load(m2, v));
            }
            block.store(mean, v, m);
            block.store(m2, v, s);
        }
    }
};

template <class V>
void column_moments(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                    typename V::value_type* mean, typename V::value_type* m2) {
    if (rows <= 0) {
        for (index_t j = 0; j < cols; ++j) mean[j] = m2[j] = 0;
        return;
    }
    index_t r = 0;
    for (; r + kStrip <= rows; r += kStrip)
        for_blocks<V>(cols, StripMoments<V, int(kStrip)>{r, x + r * ldx, ldx, mean, m2});
    for (; r < rows; ++r) for_blocks<V>(cols, StripMoments<V, 1>{r, x + r * ldx, ldx, mean, m2});
}

// Chan, Golub and LeVeque (1983): with n_a rows before and n_b in the chunk, d = mean_b - mean_a,
//     mean = mean_a + d n_b / n,   m2 = m2_a + m2_b + d^2 n_a n_b / n.
template <class V>
struct CombineMoments {
    using T = typename V::value_type;
    index_t first, rows, chunk;
    const T* mean;
    const T* m2;
    index_t ld;
    T* out_mean;
    T* out_m2;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V m[N], s[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            m[v] = first > 0 ? block.load(out_mean, v) : V::zero();
            s[v] = first > 0 ? block.load(out_m2, v) : V::zero();
        }
        index_t c = 0;
        for (index_t before = first; before < rows; before += chunk, ++c) {
            const index_t own = rows - before < chunk ? rows - before : chunk;
            const T share = T(own) / T(before + own);
            const V weight = V::set(share), cross = V::set(T(before) * share);
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V d = block.load(mean + c * ld, v) - m[v];
                m[v] = fma(d, weight, m[v]);
                s[v] = fma(d * d, cross, s[v] + block.load(m2 + c * ld, v));
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            block.store(out_mean, v, m[v]);
            block.store(out_m2, v, s[v]);
        }
    }
};

template <class V>
void combine_moments(index_t first, index_t rows, index_t chunk, index_t cols, const typename V::value_type* mean,
                     const typename V::value_type* m2, index_t ld, typename V::value_type* out_mean,
                     typename V::value_type* out_m2) {
    for_blocks<V>(cols, CombineMoments<V>{first, rows, chunk, mean, m2, ld, out_mean, out_m2});
}

// y = (x - mean) (inv_std gamma) + beta
template <class V>
struct Normalize {
    using T = typename V::value_type;
    bool stream;
    index_t rows;
    const T* x;
    index_t ldx;
    const T *mean, *inv_std, *gamma, *beta;
    T* y;
    index_t ldy;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V m[N], scale[N], shift[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            m[v] = block.load(mean, v);
            scale[v] = block.load(inv_std, v) * block.load(gamma, v);
            shift[v] = block.load(beta, v);
        }
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v)
                put(stream, block, y + r * ldy, v,
                    fma(get<V>(stream, block, x + r * ldx, v) - m[v], scale[v], shift[v]));
        }
    }
};

template <class V>
void normalize(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
               const typename V::value_type* mean, const typename V::value_type* inv_std,
               const typename V::value_type* gamma, const typename V::value_type* beta, typename V::value_type* y,
               index_t ldy) {
    const index_t head = x != y ? stream_head<V>(rows, cols, 2, y, ldy) : -1;
    for (index_t r = 0; r < rows; r += kStrip, x += kStrip * ldx, y += kStrip * ldy) {
        const index_t n = rows - r < kStrip ? rows - r : kStrip;
        for_blocks<V>(cols, Normalize<V>{head >= 0, n, x, ldx, mean, inv_std, gamma, beta, y, ldy}, head);
    }
    if (head >= 0) V::fence();
}

// sum_dy = sum_r dy (beta's gradient), sum_dy_xhat = sum_r dy xhat (gamma's), xhat = (x - mean) inv_std. inv_std is the same for
// every row and multiplies the sum once.
template <class V>
struct BatchNormSums {
    using T = typename V::value_type;
    index_t before, rows;  // sums of rows before these, and whether these are the last
    bool last;
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    const T *mean, *inv_std;
    T *sum_dy, *sum_dy_xhat;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V m[N], plain[N], product[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            m[v] = block.load(mean, v);
            plain[v] = before > 0 ? block.load(sum_dy, v) : V::zero();
            product[v] = before > 0 ? block.load(sum_dy_xhat, v) : V::zero();
        }
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V g = block.load(dy + r * lddy, v);
                plain[v] = plain[v] + g;
                product[v] = fma(g, block.load(x + r * ldx, v) - m[v], product[v]);
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            block.store(sum_dy, v, plain[v]);
            block.store(sum_dy_xhat, v, last ? product[v] * block.load(inv_std, v) : product[v]);
        }
    }
};

template <class V>
void batch_norm_sums(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                     const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                     const typename V::value_type* inv_std, typename V::value_type* sum_dy,
                     typename V::value_type* sum_dy_xhat) {
    index_t r = 0;
    do {
        const index_t n = rows - r < kStrip ? rows - r : kStrip;
        for_blocks<V>(cols, BatchNormSums<V>{r, n, r + n == rows, x + r * ldx, ldx, dy + r * lddy, lddy, mean, inv_std,
                                             sum_dy, sum_dy_xhat});
        r += n;
    } while (r < rows);
}

// y = xhat gamma + beta, xhat = (x - mean) inv_std, mean and inv_std themselves functions of x:
//     dx = gamma inv_std (dy - mean_dy - xhat mean_dy_xhat) = (dy - mean_dy) a - (x - mean) b
// with a = gamma inv_std and b = a inv_std mean_dy_xhat, one number per column each.
template <class V>
struct BatchNormBackward {
    using T = typename V::value_type;
    bool stream;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    const T *mean, *inv_std, *gamma, *mean_dy, *mean_dy_xhat;
    T* dx;
    index_t lddx;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V m[N], md[N], a[N], b[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            m[v] = block.load(mean, v);
            md[v] = block.load(mean_dy, v);
            const V s = block.load(inv_std, v);
            a[v] = block.load(gamma, v) * s;
            b[v] = a[v] * s * block.load(mean_dy_xhat, v);
        }
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V own = (get<V>(stream, block, dy + r * lddy, v) - md[v]) * a[v];
                put(stream, block, dx + r * lddx, v, fnma(get<V>(stream, block, x + r * ldx, v) - m[v], b[v], own));
            }
        }
    }
};

template <class V>
void batch_norm_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                         const typename V::value_type* inv_std, const typename V::value_type* gamma,
                         const typename V::value_type* mean_dy, const typename V::value_type* mean_dy_xhat,
                         typename V::value_type* dx, index_t lddx) {
    const index_t head = x != dx && dy != dx ? stream_head<V>(rows, cols, 3, dx, lddx) : -1;
    for (index_t r = 0; r < rows; r += kStrip) {
        const index_t n = rows - r < kStrip ? rows - r : kStrip;
        const auto *from = x + r * ldx, *gradient = dy + r * lddy;
        auto* const to = dx + r * lddx;
        for_blocks<V>(cols,
                      BatchNormBackward<V>{head >= 0, n, from, ldx, gradient, lddy, mean, inv_std, gamma, mean_dy,
                                           mean_dy_xhat, to, lddx},
                      head);
    }
    if (head >= 0) V::fence();
}

}  // namespace
}  // namespace steepest
