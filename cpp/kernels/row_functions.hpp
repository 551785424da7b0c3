// Functions of a whole row: softmax, log-softmax, hardmax, and what they share with the losses.
//
// Everything is computed from differences to the row's maximum, so no exponential overflows and adding 1e6 to all elements of a row
// changes only what the addition itself rounds away.
#pragma once

#include "kernels/table.hpp"
#include "kernels/vector_math.hpp"

namespace steepest {
namespace {

// A row of exponentials that is to be scaled and then written past the caches waits here, in the first-level cache.
constexpr index_t kScratchBytes = index_t(16) << 10;
// Every row may begin elsewhere in its cache line: where its first aligned vector is, or -1 for a row that stays in the caches.
template <class V>
STEEPEST_INLINE index_t head_of_row(bool stream, index_t cols, const typename V::value_type* y) {
    return stream ? aligned_head<V>(1, cols, y, 0) : -1;
}

// Rows whose logarithms are taken together.
constexpr index_t kRowsOfLogs = 32;

template <class V>
STEEPEST_INLINE typename V::value_type row_max(index_t n, const typename V::value_type* x) {
    constexpr index_t L = V::lanes;
    const V lowest = V::set(-std::numeric_limits<typename V::value_type>::infinity());
    V m = lowest;
    index_t j = 0;
    for (; j + L <= n; j += L) m = max(m, V::load(x + j));
    if (j < n) m = max(m, V::load_n(x + j, n - j, lowest));
    return reduce_max(m);
}

// The first j with x[j] == value, or n.
template <class V>
STEEPEST_INLINE index_t first_index(index_t n, const typename V::value_type* x, typename V::value_type value) {
    constexpr index_t L = V::lanes;
    const V wanted = V::set(value);
    for (index_t j = 0; j < n; j += L) {
        // Lanes beyond n may match too, but never before a lane inside.
        unsigned found = V::bits(eq(n - j < L ? V::load_n(x + j, n - j) : V::load(x + j), wanted));
        if (found == 0) continue;
        for (; (found & 1u) == 0; found >>= 1) ++j;
        return j < n ? j : n;
    }
    return n;
}

// e = exp(x - shift) and its sum; e goes to `out` unless that is null. out may be x.
template <class V>
STEEPEST_INLINE typename V::value_type exp_row(index_t n, const typename V::value_type* x, typename V::value_type shift,
                                               typename V::value_type* out) {
    constexpr index_t L = V::lanes;
    const V s = V::set(shift);
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) {
        const V e = exp_below(V::load(x + j) - s);
        if (out != nullptr) e.store(out + j);
        sum = sum + e;
    }
    if (j < n) {
        // exp(0) and then a mask in the lanes beyond: exp(-inf) = 0 would underflow on the way, which costs hundreds of cycles.
        const V e = exp_below(V::load_n(x + j, n - j, s) - s);
        if (out != nullptr) e.store_n(out + j, n - j);
        sum = sum + select(V::first_lanes(n - j), e, V::zero());
    }
    return reduce_add(sum);
}

template <class V>
struct Scale {
    V factor;
    STEEPEST_INLINE V operator()(V x) const { return x * factor; }
};

// sum a b
template <class V>
STEEPEST_INLINE typename V::value_type dot_row(index_t n, const typename V::value_type* a,
                                               const typename V::value_type* b) {
    constexpr index_t L = V::lanes;
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) sum = fma(V::load(a + j), V::load(b + j), sum);
    if (j < n) sum = fma(V::load_n(a + j, n - j), V::load_n(b + j, n - j), sum);
    return reduce_add(sum);
}
template <class V>
STEEPEST_INLINE typename V::value_type sum_row(index_t n, const typename V::value_type* a) {
    constexpr index_t L = V::lanes;
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) sum = sum + V::load(a + j);
    if (j < n) sum = sum + V::load_n(a + j, n - j);
    return reduce_add(sum);
}

// A row of at most one vector stays in registers from the logits to the result.
template <class V>
struct NarrowRow {
    using T = typename V::value_type;
    V x, e;
    T max, sum;
    STEEPEST_INLINE NarrowRow(index_t n, const T* logits) {
        x = V::load_n(logits, n, V::set(-std::numeric_limits<T>::infinity()));
        max = reduce_max(x);
        const V shift = V::set(max);
        const auto inside = V::first_lanes(n);
        e = select(inside, exp_below(select(inside, x - shift, V::zero())), V::zero());
        sum = reduce_add(e);
    }
};

// y_i = exp(x_i) / sum_j exp(x_j)
template <class V>
void softmax_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                     typename V::value_type* y, index_t ldy) {
    using T = typename V::value_type;
    if (cols <= V::lanes) {
        for (index_t r = 0; r < rows; ++r) {
            const NarrowRow<V> row(cols, x + r * ldx);
            (row.e / V::set(row.sum)).store_n(y + r * ldy, cols);
        }
        return;
    }
    alignas(kAlignment) T scratch[kScratchBytes / sizeof(T)];
    const bool fits = cols * index_t(sizeof(T)) <= kScratchBytes && x != y;
    const bool stream = fits && beyond_caches<V>(rows, cols, 2);
    for (index_t r = 0; r < rows; ++r) {
        const T* from = x + r * ldx;
        T* to = y + r * ldy;
        const index_t head = head_of_row<V>(stream, cols, to);
        T* row = head >= 0 ? scratch : to;
        const T sum = exp_row<V>(cols, from, row_max<V>(cols, from), row);
        map_long<V>(cols, head, row, to, Scale<V>{V::set(T(1) / sum)});
    }
    if (stream) V::fence();
}

template <class V>
struct SoftmaxGradient {
    V mean;
    STEEPEST_INLINE V operator()(V y, V dy) const { return y * (dy - mean); }
};
// y = softmax(x): dy_j / dx_i = y_j ([i = j] - y_i), so dx_i = y_i (dy_i - sum_j dy_j y_j)
template <class V>
void softmax_backward(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy,
                      const typename V::value_type* dy, index_t lddy, typename V::value_type* dx, index_t lddx) {
    const bool stream = y != dx && dy != dx && beyond_caches<V>(rows, cols, 3);
    for (index_t r = 0; r < rows; ++r) {
        const auto *own = y + r * ldy, *gradient = dy + r * lddy;
        const SoftmaxGradient<V> f{V::set(dot_row<V>(cols, own, gradient))};
        zip_long<V>(cols, head_of_row<V>(stream, cols, dx + r * lddx), own, gradient, dx + r * lddx, f);
    }
    if (stream) V::fence();
}

template <class V>
struct Shift {
    V first, second;
    STEEPEST_INLINE V operator()(V x) const { return (x - first) - second; }
};
// y_i = (x_i - max) - log sum_j exp(x_j - max)
template <class V>
void log_softmax_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         typename V::value_type* y, index_t ldy) {
    using T = typename V::value_type;
    T sums[kRowsOfLogs], shifts[kRowsOfLogs];
    const bool stream = x != y && beyond_caches<V>(rows, cols, 2);
    for (index_t begin = 0; begin < rows; begin += kRowsOfLogs) {
        const index_t count = rows - begin < kRowsOfLogs ? rows - begin : kRowsOfLogs;
        for (index_t i = 0; i < count; ++i) {
            const T* from = x + (begin + i) * ldx;
            shifts[i] = row_max<V>(cols, from);
            sums[i] = exp_row<V>(cols, from, shifts[i], nullptr);
        }
        map_row<V>(count, sums, sums, log_of<V>{});
        for (index_t i = 0; i < count; ++i)
            map_long<V>(cols, head_of_row<V>(stream, cols, y + (begin + i) * ldy), x + (begin + i) * ldx,
                        y + (begin + i) * ldy, Shift<V>{V::set(shifts[i]), V::set(sums[i])});
    }
    if (stream) V::fence();
}

template <class V>
struct LogSoftmaxGradient {
    V sum;
    STEEPEST_INLINE V operator()(V y, V dy) const { return fnma(exp(y), sum, dy); }
};
// y = log softmax(x): dy_j / dx_i = [i = j] - exp(y_i), so dx_i = dy_i - exp(y_i) sum_j dy_j
template <class V>
void log_softmax_backward(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy,
                          const typename V::value_type* dy, index_t lddy, typename V::value_type* dx, index_t lddx) {
    const bool stream = y != dx && dy != dx && beyond_caches<V>(rows, cols, 3);
    for (index_t r = 0; r < rows; ++r) {
        const auto* gradient = dy + r * lddy;
        zip_long<V>(cols, head_of_row<V>(stream, cols, dx + r * lddx), y + r * ldy, gradient, dx + r * lddx,
                    LogSoftmaxGradient<V>{V::set(sum_row<V>(cols, gradient))});
    }
    if (stream) V::fence();
}

template <class V>
struct NanOrZero {
    STEEPEST_INLINE V operator()(V x) const { return select(eq(x, x), V::zero(), x); }
};
// y = 1 at the first largest element of the row and 0 elsewhere; an element that is NaN stays NaN.
template <class V>
void hardmax_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                     typename V::value_type* y, index_t ldy) {
    using T = typename V::value_type;
    for (index_t r = 0; r < rows; ++r) {
        const T* from = x + r * ldx;
        T* to = y + r * ldy;
        const index_t winner = first_index<V>(cols, from, row_max<V>(cols, from));
        map_row<V>(cols, from, to, NanOrZero<V>{});
        if (winner < cols) to[winner] = T(1);
    }
}

template <class V>
struct Nothing {
    STEEPEST_INLINE V operator()(V, V) const { return V::zero(); }
};
// y = hardmax(x) is constant but for its jumps: dx = 0
template <class V>
void hardmax_backward(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy,
                      const typename V::value_type* dy, index_t lddy, typename V::value_type* dx, index_t lddx) {
    zip<V>(rows, cols, y, ldy, dy, lddy, dx, lddx, Nothing<V>{});
}

}  // namespace
}  // namespace steepest
