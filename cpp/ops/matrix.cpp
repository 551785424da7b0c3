#include "ops/matrix.hpp"

#include <algorithm>

namespace steepest {

namespace {

// A panel of kc rows shares the first-level cache with a tile of A and stays there while all rows of A pass it: two vectors
// x 256 rows are 32 KiB of AVX-512's 48. Half as many again run as one block rather than as one and a stub.
constexpr index_t kDepth = 256;
// Rows of A that stay in the second-level cache while the panels of B pass them.
constexpr index_t kHeight = 192;
// More of them where each block of B is turned over first.
constexpr index_t kTurnedHeight = 256;
// Columns of C that stay in the second-level cache between two blocks of k.
constexpr index_t kWidth = 512;

index_t block(index_t n, index_t preferred) {
    if (n <= preferred + preferred / 2) return n;
    return ceil_div(n, ceil_div(n, preferred));
}

// Rows of A that a transposed product asks for before it needs them: its columns lie far apart, which no hardware prefetcher follows.
constexpr index_t kAhead = 8;

// A matrix B of this many bytes stays in the first-level cache by itself. A larger one may have been written by another core just now.
constexpr index_t kNearBytes = index_t(16) << 10;

// Asks for the panel that begins at `next` while the tiles of g run: a first tile that waits for each line of its panel costs as
// much as four.
template <class T>
void look_ahead(GemmPanel<T>& g, const T* next) {
    const index_t tiles = std::max<index_t>(1, g.m / 16);
    g.ahead = reinterpret_cast<const char*>(next);
    g.ahead_step = ceil_div(g.b_k * index_t(sizeof(T)), tiles);
    g.ahead_tile = g.k * g.ahead_step;
    g.ahead_tiles = g.m;
}

// Columns [0, k) of n rows of W as rows of a panel: w is where the rows begin in the first of W's panels.
template <class T>
void turn_block(const KernelTable<T>& kernels, const T* w, index_t panel_stride, index_t n, index_t k, T* panel) {
    const index_t nr = kernels.gemm_nr;
    for (index_t p = 0; p < k; p += nr, w += panel_stride) {
        // W's panels are padded to whole vectors, and blocks without masks are twice as fast.
        kernels.pack_panels_transposed(std::min(nr, round_up(k - p, kernels.lanes)), n, w, nr, panel + p * nr);
    }
}

// The blocks of C = A B in the order in which the caches hold them. aim(p, j, j0, j1, g) points g at rows [p, p + g.k) of the panel of B
// that begins at column j, one of those in [j0, j1).
template <class T, class Aim>
void multiply_blocks(const KernelTable<T>& kernels, const RowProduct<T>& product, index_t depth, index_t most_rows,
                     const Aim& aim) {
    const index_t nr = kernels.gemm_nr;
    const index_t height = block(product.m, most_rows);
    GemmPanel<T> g{};
    g.a_row = product.lda;
    g.a_k = 1;
    g.ldc = product.ldc;
    g.slope = product.slope;
    for (index_t i = 0; i < product.m; i += height) {
        g.m = std::min(height, product.m - i);
        for (index_t j0 = 0; j0 < product.n; j0 += kWidth) {
            const index_t j1 = std::min(product.n, j0 + kWidth);
            for (index_t p = 0; p < product.k; p += depth) {
                g.k = std::min(depth, product.k - p);
                g.a = product.a + i * product.lda + p;
                g.accumulate = product.accumulate || p > 0;
                g.epilogue = p + g.k == product.k ? product.epilogue : Epilogue::none;
                for (index_t j = j0; j < j1; j += nr) {
                    g.n = std::min(nr, product.n - j);
                    g.c = product.c + i * product.ldc + j;
                    g.bias = product.bias == nullptr ? nullptr : product.bias + j;
                    aim(p, j, j0, j1, g);
                    kernels.gemm_panel(g);
                }
            }
        }
    }
}

}  // namespace

template <class T>
void multiply_rows(const KernelTable<T>& kernels, const RowProduct<T>& product) {
    const index_t depth = block(product.k, kDepth);
    const bool far = product.n * product.k * index_t(sizeof(T)) > kNearBytes;
    multiply_blocks(kernels, product, depth, kHeight,
                    [&](index_t p, index_t j, index_t j0, index_t j1, GemmPanel<T>& g) {
                        const index_t nr = kernels.gemm_nr;
                        const T* rows = product.b + p * product.b_k;
                        g.b_k = product.b_k;
                        g.b = rows + j / nr * product.panel_stride;
                        // The last panel is followed by the first of the next rows of B, but for the last rows.
                        const T* first = rows + depth * product.b_k + j0 / nr * product.panel_stride;
                        if (far) look_ahead(g, j + nr < j1 ? g.b + product.panel_stride : first);
                    });
}

template <class T>
void multiply_rows_by_transpose(const KernelTable<T>& kernels, const RowProduct<T>& product) {
    const index_t nr = kernels.gemm_nr;
    const index_t depth = round_up(block(product.k, kDepth), nr);
    alignas(kAlignment) T panel[(kDepth + kDepth / 2 + kMostPanel) * kMostPanel * sizeof(float) / sizeof(T)];
    multiply_blocks(kernels, product, depth, kTurnedHeight,
                    [&](index_t p, index_t j, index_t, index_t, GemmPanel<T>& g) {
                        const T* w = product.b + p / nr * product.panel_stride + j * nr;
                        turn_block(kernels, w, product.panel_stride, g.n, g.k, panel);
                        // The first tiles ask for the following rows, each in one of W's panels.
                        g.ahead = reinterpret_cast<const char*>(w + nr * nr);
                        g.ahead_step = ceil_div(nr * nr * index_t(sizeof(T)), g.k);
                        g.ahead_tile = product.panel_stride * index_t(sizeof(T));
                        g.ahead_tiles = ceil_div(g.k, nr);
                        g.b_k = nr;
                        g.b = panel;
                    });
}

template <class T>
void multiply_one_row(const KernelTable<T>& kernels, const RowProduct<T>& product) {
    kernels.row_times_matrix(product.n, product.k, product.a, product.b, product.b_k, product.bias, product.c,
                             product.epilogue, product.slope);
}

template <class T>
void multiply_transposed(const KernelTable<T>& kernels, index_t m, index_t n, index_t k, const T* a, index_t lda,
                         const Panels<T>& b, T* g, index_t ldg) {
    const index_t nr = kernels.gemm_nr;
    const index_t depth = block(k, kDepth / 2);
    GemmPanel<T> panel{};
    panel.m = m;
    panel.a_row = 1;
    panel.a_k = lda;
    panel.b_k = b.row;
    panel.ldc = ldg;
    panel.ahead_step = lda * index_t(sizeof(T));
    panel.ahead_tile = kAlignment;
    panel.ahead_tiles = m;
    for (index_t j = 0; j < n; j += nr) {
        panel.n = std::min(nr, n - j);
        panel.c = g + j;
        for (index_t p = 0; p < k; p += depth) {
            panel.k = std::min(depth, k - p);
            panel.a = a + p * lda;
            panel.ahead = reinterpret_cast<const char*>(panel.a + kAhead * lda);
            panel.b = b.data + j / nr * b.stride + p * b.row;
            panel.accumulate = p > 0;
            kernels.gemm_panel(panel);
        }
    }
}

#define STEEPEST_INSTANTIATE(T)                                                                               \
    template void multiply_rows<T>(const KernelTable<T>&, const RowProduct<T>&);                              \
    template void multiply_rows_by_transpose<T>(const KernelTable<T>&, const RowProduct<T>&);                 \
    template void multiply_one_row<T>(const KernelTable<T>&, const RowProduct<T>&);                           \
    template void multiply_transposed<T>(const KernelTable<T>&, index_t, index_t, index_t, const T*, index_t, \
                                         const Panels<T>&, T*, index_t);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
