// Piecewise linear layers with state beyond one element: PReLU (a learned slope per column) and Maxout (the largest of k columns).
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

// y = x where x > 0, slope x elsewhere (He et al. 2015).
template <class V>
struct PReluForward {
    using T = typename V::value_type;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* slope;
    T* y;
    index_t ldy;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V s[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) s[v] = block.load(slope, v);
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V own = block.load(x + r * ldx, v);
                block.store(y + r * ldy, v, select(gt(own, V::zero()), own, own * s[v]));
            }
        }
    }
};

template <class V>
void prelu_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                   const typename V::value_type* slope, typename V::value_type* y, index_t ldy) {
    for_blocks<V>(cols, PReluForward<V>{rows, x, ldx, slope, y, ldy});
}

// y = x or slope x: dx = dy or slope dy, and 0 counts as the left side
template <class V>
struct PReluBackward {
    using T = typename V::value_type;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* slope;
    const T* dy;
    index_t lddy;
    T* dx;
    index_t lddx;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V s[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) s[v] = block.load(slope, v);
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V g = block.load(dy + r * lddy, v);
                const auto right = gt(block.load(x + r * ldx, v), V::zero());
                block.store(dx + r * lddx, v, select(right, g, g * s[v]));
            }
        }
    }
};

template <class V>
void prelu_backward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                    const typename V::value_type* slope, const typename V::value_type* dy, index_t lddy,
                    typename V::value_type* dx, index_t lddx) {
    for_blocks<V>(cols, PReluBackward<V>{rows, x, ldx, slope, dy, lddy, dx, lddx});
}

// y = slope x where x <= 0: dslope = sum over rows of dy min(x, 0)
template <class V>
struct PReluSums {
    using T = typename V::value_type;
    index_t rows;
    const T* x;
    index_t ldx;
    const T* dy;
    index_t lddy;
    T* sum;

    template <int N>
    STEEPEST_INLINE void operator()(Block<V, N> block) const {
        V s[N];
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) s[v] = V::zero();
        for (index_t r = 0; r < rows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) {
                const V own = block.load(x + r * ldx, v), g = block.load(dy + r * lddy, v);
                s[v] = s[v] + select(gt(own, V::zero()), V::zero(), own * g);
            }
        }
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) block.store(sum, v, s[v]);
    }
};

template <class V>
void prelu_sums(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                const typename V::value_type* dy, index_t lddy, typename V::value_type* sum) {
    for_blocks<V>(cols, PReluSums<V>{rows, x, ldx, dy, lddy, sum});
}

// y_u = max_i z_(u k + i) and the first i that has it (Goodfellow et al. 2013); the first NaN beats everything.
template <class V>
void maxout_forward(index_t rows, index_t units, index_t pieces, const typename V::value_type* z, index_t ldz,
                    typename V::value_type* y, index_t ldy, std::uint16_t* which, index_t ldw) {
    using T = typename V::value_type;
    for (index_t r = 0; r < rows; ++r) {
        const T* from = z + r * ldz;
        T* to = y + r * ldy;
        std::uint16_t* winner = which + r * ldw;
        for (index_t u = 0; u < units; ++u, from += pieces) {
            T best = from[0];
            int place = 0;
            for (int i = 1; i < int(pieces); ++i) {
                const T own = from[i];
                const bool larger = !(own <= best) && best == best;
                best = larger ? own : best;
                place = larger ? i : place;
            }
            to[u] = best;
            winner[u] = std::uint16_t(place);
        }
    }
}

// y_u = z_(u k + which_u): dz = dy there and 0 elsewhere
template <class V>
void maxout_backward(index_t rows, index_t units, index_t pieces, const std::uint16_t* which, index_t ldw,
                     const typename V::value_type* dy, index_t lddy, typename V::value_type* dz, index_t lddz) {
    using T = typename V::value_type;
    for (index_t r = 0; r < rows; ++r) {
        const T* gradient = dy + r * lddy;
        const std::uint16_t* winner = which + r * ldw;
        T* to = dz + r * lddz;
        for (index_t u = 0; u < units; ++u, to += pieces)
            for (index_t i = 0; i < pieces; ++i) to[i] = i == index_t(winner[u]) ? gradient[u] : T(0);
    }
}

}  // namespace
}  // namespace steepest
