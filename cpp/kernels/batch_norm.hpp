// Batch norm: moments of columns, the normalisation and its gradient.
#pragma once

#include <type_traits>

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// What is read is asked for so far ahead.
constexpr index_t kAheadBytes = 8192;

// Large arrays are walked row by row, as memory likes it. Of others some rows go together, for the numbers of a column to be loaded seldom;
// but rows are often a multiple of 4 KiB apart, and then the lines of more than a few do not fit into the one set of the first-level
// cache they share. Rows for sums:
template <class V>
STEEPEST_INLINE index_t sums_strip(index_t cols, bool far) {
    return rows_of_bytes<V>(cols, far ? 1024 : 8192);
}
// f(first row, R) for strips of R rows, where a matrix is written: four of short rows, all loaded before one is stored, or they wait for it.
// Blocks begin where the output's vectors are aligned, and mostly the inputs' with them: NumPy's arrays begin 16 bytes off a line, and
// vectors across two lines cost half as much again.
template <class V, class F>
STEEPEST_INLINE void for_strips(index_t rows, index_t cols, bool far, const F& f) {
    index_t r = 0;
    if (!far && cols * index_t(sizeof(typename V::value_type)) <= 1024)
        for (; r + 4 <= rows; r += 4) f(r, std::integral_constant<int, 4>{});
    for (; r < rows; ++r) f(r, std::integral_constant<int, 1>{});
}

// mean (cols) and m2 (cols) = sum over rows of (x - mean)^2, from one reading of x: with d = x - shift,
//     mean = shift + sum(d) / n,   m2 = sum(d^2) - sum(d)^2 / n.
// The shift is the column's first number. As one of the n it is at most sqrt(n - 1) deviations from their mean, so that m2 loses no more
// than a factor n of its digits whatever the numbers are: four bits for a chunk of 16 rows, and for usual numbers one.
template <class V>
struct ColumnMoments {
    using T = typename V::value_type;
    index_t ahead;              // elements
    index_t before, rows, all;  // rows before these, these, and all there are
    const T* x;                 // the first row of all
    index_t ldx;
    T* mean;
    T* m2;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V shift[N], plain[N], square[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            shift[v] = block.load(x, v);
            plain[v] = before > 0 ? block.load(mean, v) : V::zero();
            square[v] = before > 0 ? block.load(m2, v) : V::zero();
        }
        const T* row = x + before * ldx;
#pragma GCC unroll 1
        for (index_t r = 0; r < rows; ++r, row += ldx) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V d = get<V>(true, ahead, block, row, v) - shift[v];
                plain[v] = plain[v] + d;
                square[v] = fma(d, d, square[v]);
            }
        }
        const V each = V::set(T(1) / T(all));
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const V own = plain[v] * each;
            const bool last = before + rows == all;
            block.store(mean, v, last ? shift[v] + own : plain[v]);
            block.store(m2, v, last ? fnma(plain[v], own, square[v]) : square[v]);
        }
    }
};

template <class V>
void column_moments(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                    typename V::value_type* mean, typename V::value_type* m2, bool far) {
    if (rows <= 0) {
        for (index_t j = 0; j < cols; ++j) mean[j] = m2[j] = 0;
        return;
    }
    const index_t strip = sums_strip<V>(cols, far), ahead = rows_of_bytes<V>(cols, kAheadBytes) * ldx;
    for (index_t r = 0; r < rows; r += strip) {
        const index_t n = rows - r < strip ? rows - r : strip;
        for_blocks<V>(cols, ColumnMoments<V>{ahead, r, n, rows, x, ldx, mean, m2});
    }
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
template <class V, int R>
struct Normalize {
    using T = typename V::value_type;
    bool stream;
    index_t ahead;  // elements
    const T* x;
    index_t ldx;
    const T *mean, *inv_std, *gamma, *beta;
    T* y;
    index_t ldy;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
#pragma GCC unroll 1
        for (int v = 0; v < N; ++v) {
            const V m = block.load(mean, v), shift = block.load(beta, v);
            const V scale = block.load(inv_std, v) * block.load(gamma, v);
            V out[R];
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) out[i] = fma(get<V>(stream, ahead, block, x + i * ldx, v) - m, scale, shift);
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) put(stream, block, y + i * ldy, v, out[i]);
        }
    }
};

template <class V>
void normalize(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
               const typename V::value_type* mean, const typename V::value_type* inv_std,
               const typename V::value_type* gamma, const typename V::value_type* beta, typename V::value_type* y,
               index_t ldy, bool far) {
    const index_t place = aligned_head<V>(rows, cols, y, ldy);
    const bool stream = far && x != y && place >= 0;
    const index_t ahead = rows_of_bytes<V>(cols, kAheadBytes) * ldx;
    for_strips<V>(rows, cols, far, [&](index_t r, auto strip) STEEPEST_INLINE_LAMBDA {
        const auto* from = x + r * ldx;
        const Normalize<V, strip> f{stream, ahead, from, ldx, mean, inv_std, gamma, beta, y + r * ldy, ldy};
        for_blocks<V>(cols, f, place);
    });
    if (stream) V::fence();
}

// sum_dy = sum_r dy (beta's gradient), sum_dy_xhat = sum_r dy xhat (gamma's), xhat = (x - mean) inv_std. inv_std is the same for
// every row and multiplies the sum once.
template <class V>
struct BatchNormSums {
    using T = typename V::value_type;
    index_t ahead;         // rows
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
                const V g = get<V>(true, ahead * lddy, block, dy + r * lddy, v);
                plain[v] = plain[v] + g;
                product[v] = fma(g, get<V>(true, ahead * ldx, block, x + r * ldx, v) - m[v], product[v]);
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
                     typename V::value_type* sum_dy_xhat, bool far) {
    const index_t strip = sums_strip<V>(cols, far), ahead = rows_of_bytes<V>(cols, kAheadBytes);
    index_t r = 0;
    do {
        const index_t n = rows - r < strip ? rows - r : strip;
        for_blocks<V>(cols, BatchNormSums<V>{ahead, r, n, r + n == rows, x + r * ldx, ldx, dy + r * lddy, lddy, mean,
                                             inv_std, sum_dy, sum_dy_xhat});
        r += n;
    } while (r < rows);
}

// y = xhat gamma + beta, xhat = (x - mean) inv_std, mean and inv_std themselves functions of x:
//     dx = gamma inv_std (dy - mean_dy - xhat mean_dy_xhat) = (dy - mean_dy) a - (x - mean) b
// with a = gamma inv_std and b = a inv_std mean_dy_xhat, one number per column each.
template <class V, int R>
struct BatchNormBackward {
    using T = typename V::value_type;
    bool stream;
    index_t ahead;  // rows
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    const T *mean, *inv_std, *gamma, *mean_dy, *mean_dy_xhat;
    T* dx;
    index_t lddx;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
#pragma GCC unroll 1
        for (int v = 0; v < N; ++v) {
            const V m = block.load(mean, v), md = block.load(mean_dy, v), s = block.load(inv_std, v);
            const V a = block.load(gamma, v) * s, b = a * s * block.load(mean_dy_xhat, v);
            V out[R];
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) {
                const V own = (get<V>(stream, ahead * lddy, block, dy + i * lddy, v) - md) * a;
                const V d = get<V>(stream, ahead * ldx, block, x + i * ldx, v) - m;
                out[i] = fnma(d, b, own);
            }
#pragma GCC unroll 4
            for (int i = 0; i < R; ++i) put(stream, block, dx + i * lddx, v, out[i]);
        }
    }
};

template <class V>
void batch_norm_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         const typename V::value_type* dy, index_t lddy, const typename V::value_type* mean,
                         const typename V::value_type* inv_std, const typename V::value_type* gamma,
                         const typename V::value_type* mean_dy, const typename V::value_type* mean_dy_xhat,
                         typename V::value_type* dx, index_t lddx, bool far) {
    const index_t place = aligned_head<V>(rows, cols, dx, lddx);
    const bool stream = far && x != dx && dy != dx && place >= 0;
    const index_t ahead = rows_of_bytes<V>(cols, kAheadBytes);
    for_strips<V>(rows, cols, far, [&](index_t r, auto strip) STEEPEST_INLINE_LAMBDA {
        const BatchNormBackward<V, strip> f{stream,  ahead, x + r * ldx, ldx,          dy + r * lddy, lddy, mean,
                                            inv_std, gamma, mean_dy,     mean_dy_xhat, dx + r * lddx, lddx};
        for_blocks<V>(cols, f, place);
    });
    if (stream) V::fence();
}

}  // namespace
}  // namespace steepest
