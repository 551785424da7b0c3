// The loops every element-wise kernel is made of: whole vectors, then one masked tail; matrices without gaps are one long row.
// F is a functor with a forced-inline operator() over vectors, so that both calls of it are inlined.
#pragma once

#include <cstdint>

#include "core/inline.hpp"
#include "core/types.hpp"

namespace steepest {
namespace {

// y = f(x) over n elements; y may be x.
template <class V, class F>
STEEPEST_INLINE void map_row(index_t n, const typename V::value_type* x, typename V::value_type* y, const F& f) {
    constexpr index_t L = V::lanes;
    index_t i = 0;
    for (; i + L <= n; i += L) f(V::load(x + i)).store(y + i);
    if (i < n) f(V::load_n(x + i, n - i)).store_n(y + i, n - i);
}

// y = f(a, b) over n elements; y may be a or b.
template <class V, class F>
STEEPEST_INLINE void zip_row(index_t n, const typename V::value_type* a, const typename V::value_type* b,
                             typename V::value_type* y, const F& f) {
    constexpr index_t L = V::lanes;
    index_t i = 0;
    for (; i + L <= n; i += L) f(V::load(a + i), V::load(b + i)).store(y + i);
    if (i < n) f(V::load_n(a + i, n - i), V::load_n(b + i, n - i)).store_n(y + i, n - i);
}

// Matrices whose rows touch are one row: fewer tails, and long streams for the prefetcher.
STEEPEST_INLINE void collapse(index_t* rows, index_t* cols, bool contiguous) {
    if (!contiguous || *rows <= 0) return;
    *cols *= *rows;
    *rows = 1;
}

// An output of this many bytes from one call has left every cache by the time its end is written (training works in chunks of rows
// that never come near). Stored past the caches it need not be read first: measured a sixth to a third faster, but slower below.
constexpr index_t kStreamBytes = index_t(32) << 20;

// Elements before the first aligned vector, or -1 where y is not worth streaming or on no multiple of its element.
template <class V>
STEEPEST_INLINE index_t stream_head(index_t n, const typename V::value_type* y) {
    const auto address = reinterpret_cast<std::uintptr_t>(y);
    if (n * index_t(sizeof(*y)) < kStreamBytes || address % sizeof(*y) != 0) return -1;
    return index_t((sizeof(V) - address % sizeof(V)) % sizeof(V) / sizeof(*y));
}

template <class V, class F>
STEEPEST_INLINE void map_stream(index_t n, index_t head, const typename V::value_type* x, typename V::value_type* y,
                                const F& f) {
    map_row<V>(head, x, y, f);
    index_t i = head;
    for (; i + V::lanes <= n; i += V::lanes) f(V::load(x + i)).stream(y + i);
    V::fence();
    map_row<V>(n - i, x + i, y + i, f);
}

template <class V, class F>
STEEPEST_INLINE void zip_stream(index_t n, index_t head, const typename V::value_type* a,
                                const typename V::value_type* b, typename V::value_type* y, const F& f) {
    zip_row<V>(head, a, b, y, f);
    index_t i = head;
    for (; i + V::lanes <= n; i += V::lanes) f(V::load(a + i), V::load(b + i)).stream(y + i);
    V::fence();
    zip_row<V>(n - i, a + i, b + i, y + i, f);
}

// Stream: f is so light that a large result should go past the caches. Not in place: what was just read is in the cache.
template <class V, bool Stream = false, class F>
STEEPEST_INLINE void map(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         typename V::value_type* y, index_t ldy, const F& f) {
    collapse(&rows, &cols, ldx == cols && ldy == cols);
    if constexpr (Stream) {
        const index_t head = rows == 1 && x != y ? stream_head<V>(cols, y) : -1;
        if (head >= 0) return map_stream<V>(cols, head, x, y, f);
    }
    for (index_t r = 0; r < rows; ++r) map_row<V>(cols, x + r * ldx, y + r * ldy, f);
}

template <class V, bool Stream = false, class F>
STEEPEST_INLINE void zip(index_t rows, index_t cols, const typename V::value_type* a, index_t lda,
                         const typename V::value_type* b, index_t ldb, typename V::value_type* y, index_t ldy,
                         const F& f) {
    collapse(&rows, &cols, lda == cols && ldb == cols && ldy == cols);
    if constexpr (Stream) {
        const index_t head = rows == 1 && a != y && b != y ? stream_head<V>(cols, y) : -1;
        if (head >= 0) return zip_stream<V>(cols, head, a, b, y, f);
    }
    for (index_t r = 0; r < rows; ++r) zip_row<V>(cols, a + r * lda, b + r * ldb, y + r * ldy, f);
}

// Columns, for kernels with one number per column: blocks of 4 vectors, then single vectors under a mask of n lanes. A Block knows
// its place, and loads and stores vector v of it, of any row.
template <class V, int N>
struct Block {
    using T = typename V::value_type;
    index_t first;
    index_t n;  // columns of the block; only a block of one vector may be narrower than its vectors

    STEEPEST_INLINE V load(const T* row, int v) const {
        if constexpr (N == 1) return V::load_n(row + first, n);
        return V::load(row + first + v * V::lanes);
    }
    STEEPEST_INLINE void store(T* row, int v, V x) const {
        if constexpr (N == 1)
            x.store_n(row + first, n);
        else
            x.store(row + first + v * V::lanes);
    }
};

// Calls f(Block) for every block of `cols` columns.
template <class V, class F>
STEEPEST_INLINE void for_blocks(index_t cols, const F& f) {
    constexpr index_t L = V::lanes;
    index_t j = 0;
    for (; j + 4 * L <= cols; j += 4 * L) f(Block<V, 4>{j, 4 * L});
    for (; j < cols; j += L) f(Block<V, 1>{j, cols - j < L ? cols - j : L});
}

}  // namespace
}  // namespace steepest
