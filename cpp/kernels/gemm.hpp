// The matrix product: C (m, n) = init + A (m, k) B (k, n) for one panel of at most nr columns, nr = two vectors, or four of NEON's.
//
// The micro-tile keeps mr x nr sums in registers. Per step of k it loads one row of the panel (two vectors) and broadcasts mr
// elements of A: with 14 x 2 sums on AVX-512 that is 16 loads for 28 FMAs, with 6 x 2 on AVX2 8 loads for 12, and enough
// independent sums to hide the latency of 4 cycles times 2 units. NEON's 6 x 4 take 10 loads for 24 FMAs (8 x 3 would take 11), hide the
// latency of 4 units, and leave 8 of 32 registers for the row of B and for A. No lane is named: its FMA may take one factor from a single
// lane, and compilers that see a broadcast load A's element as a scalar and do just that. A is read where it lies: its rows (or, transposed,
// its columns) are contiguous already, so only B, which every row of A meets again, is worth packing.
//
// Continuing from C instead of adding to it afterwards makes the sum over k one chain of FMAs, whatever the blocking.
#pragma once

#include "core/inline.hpp"
#include "kernels/table.hpp"

namespace steepest {

// Tile sizes follow the register file: 32 registers of 64 bytes, 16 of 32 bytes, 32 of 16 bytes, or plain scalars.
template <class V>
struct GemmShape {
    static constexpr int bytes = int(sizeof(typename V::value_type)) * V::lanes;
    static constexpr int vectors = bytes >= 32 ? 2 : 4;
    static constexpr int mr = bytes >= 64 ? 14 : bytes >= 16 ? 6 : 3;
    static constexpr int nr = vectors * V::lanes;
};

// Addresses of A's elements for MR rows: every third row has a pointer, the two between are reached by the addressing
// mode's scale of one and two strides. One pointer a row would not fit into the 16 integer registers.
// (Templates over V, not over its element type: each instruction set needs its own copy of the code at link time.)
template <class V, int MR>
struct RowPointers {
    using T = typename V::value_type;
    static constexpr int groups = (MR + 2) / 3;
    const char* base[groups];
    index_t stride;  // bytes

    RowPointers(const T* a, index_t a_row) : stride(a_row * index_t(sizeof(T))) {
        for (int g = 0; g < groups; ++g) base[g] = reinterpret_cast<const char*>(a) + 3 * g * stride;
    }
    T at(int i) const { return *reinterpret_cast<const T*>(base[i / 3] + (i % 3) * stride); }
    void advance() {
        for (int g = 0; g < groups; ++g) base[g] += sizeof(T);
    }
};

// The same for A stored transposed: the MR elements of step p are neighbours.
template <class V, int MR>
struct ColumnPointers {
    using T = typename V::value_type;
    const T* base;
    index_t stride;

    ColumnPointers(const T* a, index_t a_k) : base(a), stride(a_k) {}
    T at(int i) const { return base[i]; }
    void advance() { base += stride; }
};

// NV vectors wide.
template <class V, int MR, int NV, class Pointers>
struct GemmTile {
    using T = typename V::value_type;
    static constexpr int L = V::lanes;

    static void step(V (&sum)[MR][NV], const Pointers& a, const T* b) {
        V row[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) row[v] = V::load(b + v * L);
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
            const V x = V::set(a.at(i));
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) sum[i][v] = fma(x, row[v], sum[i][v]);
        }
    }

    // Elements of vector v inside the tile's n columns.
    static int width(index_t n, int v) {
        const index_t left = n - v * L;
        return left >= L ? L : left > 0 ? int(left) : 0;
    }

    static void start(V (&sum)[MR][NV], const GemmPanel<T>& g, const T* c) {
        const bool from_bias = !g.accumulate && g.bias != nullptr;
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) {
            const int w = width(g.n, v);
            const V first = from_bias ? V::load_n(g.bias + (w > 0 ? v * L : 0), w) : V::zero();
#pragma GCC unroll 16
            for (int i = 0; i < MR; ++i) sum[i][v] = first;
        }
        if (!g.accumulate) return;
        if (g.n == NV * L) {
#pragma GCC unroll 16
            for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) sum[i][v] = V::load(c + i * g.ldc + v * L);
            }
            return;
        }
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) {
                const int w = width(g.n, v);
                if (w > 0) sum[i][v] = V::load_n(c + i * g.ldc + v * L, w);
            }
        }
    }

    static void finish(V (&sum)[MR][NV], const GemmPanel<T>& g, T* c) {
        // max keeps its second operand where one is NaN: a NaN sum stays visible behind a ReLU.
        if (g.epilogue == Epilogue::relu) {
#pragma GCC unroll 16
            for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) sum[i][v] = max(V::zero(), sum[i][v]);
            }
        } else if (g.epilogue == Epilogue::leaky_relu) {
            const V slope = V::set(g.slope);
#pragma GCC unroll 16
            for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) sum[i][v] = select(lt(sum[i][v], V::zero()), sum[i][v] * slope, sum[i][v]);
            }
        }
        if (g.n == NV * L) {
#pragma GCC unroll 16
            for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
                for (int v = 0; v < NV; ++v) sum[i][v].store(c + i * g.ldc + v * L);
            }
            return;
        }
#pragma GCC unroll 16
        for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) {
                const int w = width(g.n, v);
                if (w > 0) sum[i][v].store_n(c + i * g.ldc + v * L, w);
            }
        }
    }

    // One step an iteration: unrolled four times the loop leaves the cache of decoded instructions and loses a tenth.
    template <bool Ask>
    static void add_products(V (&sum)[MR][NV], const GemmPanel<T>& g, const T* a, index_t a_stride, const char* ahead) {
        Pointers pointers(a, a_stride);
        const T* b = g.b;
        for (index_t p = 0; p < g.k; ++p) {
            if (Ask) {
                STEEPEST_PREFETCH(ahead);
                ahead += g.ahead_step;
            }
            step(sum, pointers, b);
            pointers.advance();
            b += g.b_k;
        }
    }

    static void run(const GemmPanel<T>& g, const T* a, index_t a_stride, T* c, const char* ahead) {
        V sum[MR][NV];
        start(sum, g, c);
        if (ahead != nullptr)
            add_products<true>(sum, g, a, a_stride, ahead);
        else
            add_products<false>(sum, g, a, a_stride, ahead);
        finish(sum, g, c);
    }
};

// Tiles have an even number of rows, or one: the other heights would make the module a twentieth larger. (The scalar set's have up to 3.)
template <class V>
constexpr int kTileUnit = GemmShape<V>::mr % 2 == 0 ? 2 : 1;

// Calls the tile of height `rows`, 1 <= rows <= MR, a multiple of the unit or 1.
template <class V, int MR, int NV, template <class, int> class Pointers>
void gemm_tile(index_t rows, const GemmPanel<typename V::value_type>& g, const typename V::value_type* a,
               index_t a_stride, typename V::value_type* c, const char* ahead) {
    if constexpr (MR > 1) {
        constexpr int lower = MR > kTileUnit<V> ? MR - kTileUnit<V> : 1;
        if (rows < MR) return gemm_tile<V, lower, NV, Pointers>(rows, g, a, a_stride, c, ahead);
    }
    GemmTile<V, MR, NV, Pointers<V, MR>>::run(g, a, a_stride, c, ahead);
}

template <class V, int NV, template <class, int> class Pointers>
void gemm_tiles(const GemmPanel<typename V::value_type>& g, index_t a_stride) {
    constexpr index_t mr = GemmShape<V>::mr, unit = kTileUnit<V>;
    // Tiles of nearly equal height: 64 rows are 14 + 14 + 12 + 12 + 12, not four of 14 and one of 8 that waits for its loads.
    const index_t tiles = ceil_div(g.m, mr);
    const index_t height = g.m / unit / tiles * unit;
    const index_t taller = g.m / unit % tiles;
    index_t i = 0;
    for (index_t t = 0; i < g.m; ++t) {
        const index_t rows = t < tiles && i + unit <= g.m ? height + (t < taller ? unit : 0) : g.m - i;
        gemm_tile<V, int(mr), NV, Pointers>(rows, g, g.a + i * g.a_row, a_stride, g.c + i * g.ldc,
                                            t < g.ahead_tiles ? g.ahead + t * g.ahead_tile : nullptr);
        i += rows;
    }
}

template <class V>
void gemm_panel(const GemmPanel<typename V::value_type>& g) {
    if (g.m <= 0 || g.n <= 0) return;
    constexpr int vectors = GemmShape<V>::vectors;
    // The padding of a panel that holds one vector is not worth multiplying. (A transposed A has such panels only at a right edge.)
    if (g.a_k != 1)
        gemm_tiles<V, vectors, ColumnPointers>(g, g.a_k);
    else if (g.n <= V::lanes)
        gemm_tiles<V, 1, RowPointers>(g, g.a_row);
    else
        gemm_tiles<V, vectors, RowPointers>(g, g.a_row);
}

}  // namespace steepest
