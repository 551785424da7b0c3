// Sums over rows. Several vectors of columns run side by side, because one sum is a chain of additions of 4 cycles each; every
// column is still added up in increasing row order.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

template <class V, int N>
STEEPEST_INLINE void column_sums_block(index_t rows, index_t tail, const typename V::value_type* x, index_t ldx,
                                       typename V::value_type* sum) {
    constexpr index_t L = V::lanes;
    V s[N];
#pragma GCC unroll 16
    for (int v = 0; v < N; ++v) s[v] = V::zero();
    for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int v = 0; v < N; ++v)
            s[v] =
                s[v] + (v == N - 1 && tail < L ? V::load_n(x + r * ldx + v * L, tail) : V::load(x + r * ldx + v * L));
    }
#pragma GCC unroll 16
    for (int v = 0; v < N; ++v) {
        if (v == N - 1 && tail < L)
            s[v].store_n(sum + v * L, tail);
        else
            s[v].store(sum + v * L);
    }
}

template <class V>
void column_sums(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                 typename V::value_type* sum) {
    constexpr index_t L = V::lanes;
    constexpr int wide = sizeof(V) >= 64 ? 16 : 8;  // half of the registers
    index_t j = 0;
    for (; j + wide * L <= cols; j += wide * L) column_sums_block<V, wide>(rows, L, x + j, ldx, sum + j);
    for (; j + 2 * L <= cols; j += 2 * L) column_sums_block<V, 2>(rows, L, x + j, ldx, sum + j);
    for (; j < cols; j += L) column_sums_block<V, 1>(rows, cols - j < L ? cols - j : L, x + j, ldx, sum + j);
}

// x += y
template <class V>
struct Sum {
    STEEPEST_INLINE V operator()(V a, V b) const { return a + b; }
};
template <class V>
void add(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy, typename V::value_type* x,
         index_t ldx) {
    zip<V>(rows, cols, x, ldx, y, ldy, x, ldx, Sum<V>{});
}

}  // namespace
}  // namespace steepest
