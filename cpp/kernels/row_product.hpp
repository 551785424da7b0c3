// One row times a matrix: y (n) = f(x (k) B (k, n) + bias). Every element of B is read once, so what counts is the order of reading. The sums
// over k are the same chains of FMAs as those of the tiles.
#pragma once

#include "core/inline.hpp"
#include "kernels/table.hpp"

namespace steepest {

template <class V>
STEEPEST_INLINE V activated(V sum, Epilogue epilogue, typename V::value_type slope) {
    if (epilogue == Epilogue::relu) return max(V::zero(), sum);
    if (epilogue == Epilogue::leaky_relu) return select(lt(sum, V::zero()), sum * V::set(slope), sum);
    return sum;
}

// N vectors of columns at once: an FMA takes 4 cycles and two start in each, so eight sums keep both units busy.
template <class V, int N>
void row_times_columns(index_t n, index_t k, const typename V::value_type* x, const typename V::value_type* b,
                       index_t ldb, const typename V::value_type* bias, typename V::value_type* y, Epilogue epilogue,
                       typename V::value_type slope) {
    constexpr int L = V::lanes;
    const index_t tail = n - (N - 1) * L;  // columns of the last vector
    V sum[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v)
        sum[v] = bias == nullptr ? V::zero() : v < N - 1 ? V::load(bias + v * L) : V::load_n(bias + v * L, tail);
    for (index_t p = 0; p < k; ++p, b += ldb) {
        const V factor = V::set(x[p]);
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v)
            sum[v] = fma(factor, v < N - 1 || tail == L ? V::load(b + v * L) : V::load_n(b + v * L, tail), sum[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) activated(sum[v], epilogue, slope).store_n(y + v * L, v < N - 1 ? L : tail);
}

// y += x b for R rows of b.
template <class V, int R>
void add_rows(index_t n, const typename V::value_type* x, const typename V::value_type* b, index_t ldb,
              typename V::value_type* y) {
    constexpr index_t L = V::lanes;
    V factor[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) factor[r] = V::set(x[r]);
    index_t j = 0;
    for (; j + L <= n; j += L) {
        V sum = V::load(y + j);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) sum = fma(factor[r], V::load(b + r * ldb + j), sum);
        sum.store(y + j);
    }
    if (j == n) return;
    V sum = V::load_n(y + j, n - j);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) sum = fma(factor[r], V::load_n(b + r * ldb + j, n - j), sum);
    sum.store_n(y + j, n - j);
}

// Many columns: whole rows of B, which the hardware fetches ahead; pieces of rows that lie far apart it does not. The sums are the same.
template <class V>
void row_times_rows(index_t n, index_t k, const typename V::value_type* x, const typename V::value_type* b, index_t ldb,
                    const typename V::value_type* bias, typename V::value_type* y, Epilogue epilogue,
                    typename V::value_type slope) {
    constexpr index_t L = V::lanes;
    for (index_t j = 0; j < n; ++j) y[j] = bias == nullptr ? 0 : bias[j];
    index_t p = 0;
    for (; p + 4 <= k; p += 4) add_rows<V, 4>(n, x + p, b + p * ldb, ldb, y);
    for (; p < k; ++p) add_rows<V, 1>(n, x + p, b + p * ldb, ldb, y);
    for (index_t j = 0; j < n && epilogue != Epilogue::none; j += L) {
        const index_t some = n - j < L ? n - j : L;
        activated(V::load_n(y + j, some), epilogue, slope).store_n(y + j, some);
    }
}

template <class V>
void row_times_matrix(index_t n, index_t k, const typename V::value_type* x, const typename V::value_type* b,
                      index_t ldb, const typename V::value_type* bias, typename V::value_type* y, Epilogue epilogue,
                      typename V::value_type slope) {
    constexpr index_t L = V::lanes;
    if (n > 8 * L) return row_times_rows<V>(n, k, x, b, ldb, bias, y, epilogue, slope);
    for (index_t j = 0; j < n;) {
        const auto* shift = bias == nullptr ? nullptr : bias + j;
        const index_t left = n - j;
        if (left >= 8 * L) {
            row_times_columns<V, 8>(8 * L, k, x, b + j, ldb, shift, y + j, epilogue, slope);
            j += 8 * L;
        } else if (left > 2 * L) {
            const index_t some = left < 4 * L ? left : 4 * L;
            if (some > 3 * L)
                row_times_columns<V, 4>(some, k, x, b + j, ldb, shift, y + j, epilogue, slope);
            else
                row_times_columns<V, 3>(some, k, x, b + j, ldb, shift, y + j, epilogue, slope);
            j += some;
        } else {
            const index_t some = left < L ? left : L;
            row_times_columns<V, 1>(some, k, x, b + j, ldb, shift, y + j, epilogue, slope);
            j += some;
        }
    }
}

}  // namespace steepest
