// Piecewise linear layers with state beyond one element: PReLU (a learned slope per column) and Maxout (the largest of k columns).
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// PReLU goes row by row: in strips of rows a column's numbers stay in registers, but many short streams cost a third of the memory's speed,
// and what is asked for a page ahead has to lie in the same row.

// y = x where x > 0, slope x elsewhere (He et al. 2015).
template <class V>
struct PReluForward {
    using T = typename V::value_type;
    bool stream;
    const T* x;
    const T* slope;
    T* y;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const V own = get<V>(stream, kAhead<V>, block, x, v);
            put(stream, block, y, v, select(gt(own, V::zero()), own, own * block.load(slope, v)));
        }
    }
};

template <class V>
void prelu_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                   const typename V::value_type* slope, typename V::value_type* y, index_t ldy) {
    const index_t head = x != y ? stream_head<V>(rows, cols, 2, y, ldy) : -1;
    for (index_t r = 0; r < rows; ++r, x += ldx, y += ldy)
        for_blocks<V>(cols, PReluForward<V>{head >= 0, x, slope, y}, head);
    if (head >= 0) V::fence();
}

// y = x or slope x: dx = dy or slope dy, and 0 counts as the left side; dslope = sum over rows of dy min(x, 0), going on from the rows
// before. Without dx the sums alone.
template <class V>
struct PReluBackward {
    using T = typename V::value_type;
    bool stream, onward;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* slope;
    const T* dy;
    index_t lddy;
    T* dx;
    index_t lddx;
    T* sum;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V s[N], total[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            s[v] = block.load(slope, v);
            total[v] = onward ? block.load(sum, v) : V::zero();
        }
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V g = get<V>(stream, kAhead<V>, block, dy + r * lddy, v),
                        own = get<V>(stream, kAhead<V>, block, x + r * ldx, v);
                const auto right = gt(own, V::zero());
                total[v] = total[v] + select(right, V::zero(), own * g);
                if (dx != nullptr) put(stream, block, dx + r * lddx, v, select(right, g, g * s[v]));
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) block.store(sum, v, total[v]);
    }
};

template <class V>
void prelu_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                    const typename V::value_type* slope, const typename V::value_type* dy, index_t lddy,
                    typename V::value_type* dx, index_t lddx, typename V::value_type* sum, bool stream) {
    const bool apart = dx != nullptr && x != dx && dy != dx;
    const index_t head = stream && apart ? aligned_head<V>(rows, cols, dx, lddx) : -1;
    // The sums of short rows would be read again before they are stored.
    const index_t strip = cols <= 16 * V::lanes ? 16 : 1;
    index_t r = 0;
    do {  // once at least: a sum over no rows is 0
        const index_t n = rows - r < strip ? rows - r : strip;
        for_blocks<V>(cols, PReluBackward<V>{head >= 0, r > 0, n, x, ldx, slope, dy, lddy, dx, lddx, sum}, head);
        r += strip;
        x += strip * ldx;
        dy += strip * lddy;
        if (dx != nullptr) dx += strip * lddx;
    } while (r < rows);
    if (head >= 0) V::fence();
}

// One row of Maxout with K pieces, or any number of them where K is 0. A number known beforehand halves the time.
template <int K, class T>
STEEPEST_INLINE void maxout_row(index_t units, int pieces, const T* z, T* y, std::uint16_t* which) {
    const int k = K > 0 ? K : pieces;
    for (index_t u = 0; u < units; ++u, z += k) {
        T best = z[0];
        unsigned place = 0;
        // Arithmetic on the place in place of a branch, which would be guessed wrong half the time.
        for (int i = 1; i < k; ++i) {
            const unsigned larger = unsigned(!(z[i] <= best)) & unsigned(best == best);
            place += larger * (unsigned(i) - place);
            best = z[place];
        }
        y[u] = best;
        which[u] = std::uint16_t(place);
    }
}

// y_u = max_i z_(u k + i) and the first i that has it (Goodfellow et al. 2013); the first NaN beats everything.
template <class V>
void maxout_forward(index_t rows, index_t units, index_t pieces, const typename V::value_type* z, index_t ldz,
                    typename V::value_type* y, index_t ldy, std::uint16_t* which, index_t ldw) {
    for (index_t r = 0; r < rows; ++r, z += ldz, y += ldy, which += ldw) {
        switch (pieces) {
            case 2: maxout_row<2>(units, 2, z, y, which); break;
            case 3: maxout_row<3>(units, 3, z, y, which); break;
            case 4: maxout_row<4>(units, 4, z, y, which); break;
            default: maxout_row<0>(units, int(pieces), z, y, which);
        }
    }
}

// y_u = z_(u k + which_u): dz = dy there and 0 elsewhere. Zeros first, in whole vectors: one store a unit is left.
template <class V>
void maxout_backward(index_t rows, index_t units, index_t pieces, const std::uint16_t* which, index_t ldw,
                     const typename V::value_type* dy, index_t lddy, typename V::value_type* dz, index_t lddz) {
    constexpr index_t L = V::lanes;
    const index_t cols = units * pieces;
    for (index_t r = 0; r < rows; ++r, which += ldw, dy += lddy, dz += lddz) {
        index_t j = 0;
        for (; j + L <= cols; j += L) V::zero().store(dz + j);
        if (j < cols) V::zero().store_n(dz + j, cols - j);
        for (index_t u = 0; u < units; ++u) dz[u * pieces + which[u]] = dy[u];
    }
}

}  // namespace
}  // namespace steepest
