// Packing a matrix into panels of nr columns: row p of panel j is B[p, j nr : (j + 1) nr], zero padded at the right edge, so
// that the micro-tile reads its B operand as one stream of whole vectors.
#pragma once

#include "core/inline.hpp"
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

// rows[i][j] <-> rows[j][i] for lanes x lanes elements: first every 16 bytes of a group of rows, by rounds of interleaving, then the
// pieces of 16 bytes among the groups. (One kind of round that crosses the 16 bytes would do, but takes twice the time.)
template <class V>
STEEPEST_INLINE void transpose(V (&rows)[V::lanes]) {
    constexpr int piece = 16 / int(sizeof(typename V::value_type));
    constexpr int groups = V::lanes / piece;
    V other[V::lanes];
#pragma GCC unroll 2
    for (int round = 1; round < piece; round *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < V::lanes / 2; ++i) {
            const int first = i / (piece / 2) * piece, k = i % (piece / 2);
            interleave(rows[first + k], rows[first + k + piece / 2], &other[first + 2 * k], &other[first + 2 * k + 1]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < V::lanes; ++i) rows[i] = other[i];
    }
    if constexpr (groups > 1) {
#pragma GCC unroll 2
        for (int round = 1; round < groups; round *= 2) {
#pragma GCC unroll 8
            for (int i = 0; i < V::lanes / 2; ++i) {
                const int g = i / piece, c = i % piece;
                separate(rows[2 * g * piece + c], rows[(2 * g + 1) * piece + c], &other[g * piece + c],
                         &other[(g + groups / 2) * piece + c]);
            }
#pragma GCC unroll 16
            for (int i = 0; i < V::lanes; ++i) rows[i] = other[i];
        }
    }
}

// The transpose of W[0 : count, 0 : steps], at most lanes x lanes, into rows of nr elements; zeros right of `count`. Full: all of them,
// so that no row asks whether it is there and the block stays in registers.
template <class V, bool Full>
STEEPEST_INLINE void transpose_block(index_t count, index_t steps, const typename V::value_type* w, index_t ldw,
                                     typename V::value_type* to) {
    constexpr index_t lanes = V::lanes;
    constexpr index_t nr = GemmShape<V>::nr;
    V rows[lanes];
#pragma GCC unroll 16
    for (index_t i = 0; i < lanes; ++i)
        rows[i] = Full ? V::load(w + i * ldw) : i < count ? V::load_n(w + i * ldw, steps) : V::zero();
    if constexpr (lanes > 1) transpose(rows);
#pragma GCC unroll 16
    for (index_t i = 0; i < lanes; ++i)
        if (Full || i < steps) rows[i].store(to + i * nr);
}

// Panels of W^T for W (n, k): the columns of a panel are nr rows of W, read side by side.
template <class V>
void pack_panels_transposed(index_t k, index_t n, const typename V::value_type* w, index_t ldw,
                            typename V::value_type* packed) {
    constexpr index_t lanes = V::lanes;
    constexpr index_t nr = GemmShape<V>::nr;
    for (index_t j = 0; j < n; j += nr, packed += k * nr) {
        for (index_t p = 0; p < k; p += lanes) {
            const index_t steps = k - p < lanes ? k - p : lanes;
            for (index_t c = j; c < j + nr; c += lanes) {
                auto* to = packed + p * nr + (c - j);
                if (n - c >= lanes && steps == lanes)
                    transpose_block<V, true>(lanes, lanes, w + c * ldw + p, ldw, to);
                else
                    transpose_block<V, false>(n - c, steps, w + c * ldw + p, ldw, to);
            }
        }
    }
}

}  // namespace steepest
