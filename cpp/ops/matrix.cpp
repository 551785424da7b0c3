#include "ops/matrix.hpp"

#include <algorithm>

namespace steepest {

namespace {

// A panel of kc rows shares the first-level cache with a tile of A and stays there while all rows of A pass it: two vectors
// x 256 rows are 32 KiB of AVX-512's 48. Half as many again run as one block rather than as one and a stub.
constexpr index_t kDepth = 256;
// Rows of A that stay in the second-level cache while the panels of B pass them.
constexpr index_t kHeight = 192;
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
}

}  // namespace

template <class T>
void multiply_rows(const KernelTable<T>& kernels, const RowProduct<T>& product) {
    const index_t nr = kernels.gemm_nr;
    const index_t depth = block(product.k, kDepth);
    const index_t height = block(product.m, kHeight);
    GemmPanel<T> g{};
    g.a_row = product.lda;
    g.a_k = 1;
    g.b_k = product.b_k;
    g.ldc = product.ldc;
    g.slope = product.slope;
    const bool far = product.n * product.k * index_t(sizeof(T)) > kNearBytes;
    for (index_t i = 0; i < product.m; i += height) {
        g.m = std::min(height, product.m - i);
        for (index_t j0 = 0; j0 < product.n; j0 += kWidth) {
            const index_t j1 = std::min(product.n, j0 + kWidth);
            for (index_t p = 0; p < product.k; p += depth) {
                g.k = std::min(depth, product.k - p);
                g.a = product.a + i * product.lda + p;
                g.accumulate = product.accumulate || p > 0;
                g.epilogue = p + g.k == product.k ? product.epilogue : Epilogue::none;
                const T* first = product.b + j0 / nr * product.panel_stride + p * product.b_k;
                for (index_t j = j0; j < j1; j += nr) {
                    g.n = std::min(nr, product.n - j);
                    g.b = product.b + j / nr * product.panel_stride + p * product.b_k;
                    g.c = product.c + i * product.ldc + j;
                    g.bias = product.bias == nullptr ? nullptr : product.bias + j;
                    // The last panel is followed by the first of the next rows of B, but for the last rows.
                    if (far) look_ahead(g, j + nr < j1 ? g.b + product.panel_stride : first + depth * product.b_k);
                    kernels.gemm_panel(g);
                }
            }
        }
    }
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
    template void multiply_one_row<T>(const KernelTable<T>&, const RowProduct<T>&);                           \
    template void multiply_transposed<T>(const KernelTable<T>&, index_t, index_t, index_t, const T*, index_t, \
                                         const Panels<T>&, T*, index_t);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
