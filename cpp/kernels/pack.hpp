// Packing a matrix into panels of nr columns: row p of panel j is B[p, j nr : (j + 1) nr], zero padded at the right edge, so
// that the micro-tile reads its B operand as one stream of whole vectors.
#pragma once

#include "kernels/gemm.hpp"

namespace steepest {

template <class V>
void pack_panels(index_t k, index_t n, const typename V::value_type* b, index_t ldb, typename V::value_type* packed) {
    constexpr int lanes = V::lanes;
    constexpr int vectors = GemmShape<V>::vectors;
    for (index_t j = 0; j < n; j += vectors * lanes) {
        for (index_t p = 0; p < k; ++p) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                const index_t left = n - j - v * lanes;
                const V x = left >= lanes ? V::load(b + p * ldb + j + v * lanes)
                            : left > 0    ? V::load_n(b + p * ldb + j + v * lanes, int(left))
                                          : V::zero();
                x.store(packed);
                packed += lanes;
            }
        }
    }
}

// Panels of W^T for W (n, k): the columns of a panel are nr rows of W, read side by side.
template <class V>
void pack_panels_transposed(index_t k, index_t n, const typename V::value_type* w, index_t ldw,
                            typename V::value_type* packed) {
    constexpr index_t nr = GemmShape<V>::nr;
    for (index_t j = 0; j < n; j += nr) {
        const index_t columns = n - j < nr ? n - j : nr;
        for (index_t p = 0; p < k; ++p) {
            for (index_t c = 0; c < columns; ++c) packed[c] = w[(j + c) * ldw + p];
            for (index_t c = columns; c < nr; ++c) packed[c] = 0;
            packed += nr;
        }
    }
}

}  // namespace steepest
