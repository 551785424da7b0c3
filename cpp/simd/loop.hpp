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

// Elements of a row before its first aligned vector, or -1 where rows have it in different places or y is on no multiple of its element.
template <class V>
STEEPEST_INLINE index_t aligned_head(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy) {
    const auto address = reinterpret_cast<std::uintptr_t>(y);
    if (address % sizeof(*y) != 0 || (rows > 1 && ldy % V::lanes != 0)) return -1;
    const index_t head = index_t((sizeof(V) - address % sizeof(V)) % sizeof(V) / sizeof(*y));
    return head < cols ? head : cols;
}
// The same, or -1 where y is not worth streaming.
template <class V>
STEEPEST_INLINE index_t stream_head(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy) {
    if (rows * cols * index_t(sizeof(*y)) < kStreamBytes) return -1;
    return aligned_head<V>(rows, cols, y, ldy);
}

// What a stream reads is asked for a page ahead: the processor's own prefetch stops at the end of every page. Measured a tenth faster.
template <class V>
constexpr index_t kAhead = 4096 / index_t(sizeof(typename V::value_type));

// A call of V::fence() must follow.
template <class V, class F>
STEEPEST_INLINE void map_stream(index_t n, index_t head, const typename V::value_type* x, typename V::value_type* y,
                                const F& f) {
    map_row<V>(head, x, y, f);
    index_t i = head;
    for (; i + V::lanes <= n; i += V::lanes) {
        STEEPEST_PREFETCH(x + i + kAhead<V>);
        f(V::load(x + i)).stream(y + i);
    }
    map_row<V>(n - i, x + i, y + i, f);
}

template <class V, class F>
STEEPEST_INLINE void zip_stream(index_t n, index_t head, const typename V::value_type* a,
                                const typename V::value_type* b, typename V::value_type* y, const F& f) {
    zip_row<V>(head, a, b, y, f);
    index_t i = head;
    for (; i + V::lanes <= n; i += V::lanes) {
        STEEPEST_PREFETCH(a + i + kAhead<V>);
        STEEPEST_PREFETCH(b + i + kAhead<V>);
        f(V::load(a + i), V::load(b + i)).stream(y + i);
    }
    zip_row<V>(n - i, a + i, b + i, y + i, f);
}

// Stream: a large result goes past the caches. Not in place: what was just read is in the cache.
template <class V, bool Stream = false, class F>
STEEPEST_INLINE void map(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         typename V::value_type* y, index_t ldy, const F& f) {
    collapse(&rows, &cols, ldx == cols && ldy == cols);
    if constexpr (Stream) {
        const index_t head = x != y ? stream_head<V>(rows, cols, y, ldy) : -1;
        if (head >= 0) {
            for (index_t r = 0; r < rows; ++r) map_stream<V>(cols, head, x + r * ldx, y + r * ldy, f);
            return V::fence();
        }
    }
    for (index_t r = 0; r < rows; ++r) map_row<V>(cols, x + r * ldx, y + r * ldy, f);
}

template <class V, bool Stream = false, class F>
STEEPEST_INLINE void zip(index_t rows, index_t cols, const typename V::value_type* a, index_t lda,
                         const typename V::value_type* b, index_t ldb, typename V::value_type* y, index_t ldy,
                         const F& f) {
    collapse(&rows, &cols, lda == cols && ldb == cols && ldy == cols);
    if constexpr (Stream) {
        const index_t head = a != y && b != y ? stream_head<V>(rows, cols, y, ldy) : -1;
        if (head >= 0) {
            for (index_t r = 0; r < rows; ++r) zip_stream<V>(cols, head, a + r * lda, b + r * ldb, y + r * ldy, f);
            return V::fence();
        }
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
    // As store, past the caches; only for a row whose whole blocks are aligned (aligned_head), and a call of V::fence() must follow.
    STEEPEST_INLINE void stream(T* row, int v, V x) const {
        if constexpr (N == 1)
            x.store_n(row + first, n);
        else
            x.stream(row + first + v * V::lanes);
    }
};

// Stores into the columns of a block, past the caches or not; what is read there is asked for well ahead if so.
template <bool Stream, class B, class V>
STEEPEST_INLINE void put(const B& block, typename V::value_type* row, int v, V x) {
    if constexpr (Stream)
        block.stream(row, v, x);
    else
        block.store(row, v, x);
}
template <bool Stream, class V, class B>
STEEPEST_INLINE V get(const B& block, const typename V::value_type* row, int v) {
    if constexpr (Stream) STEEPEST_PREFETCH(row + block.first + v * V::lanes + kAhead<V>);
    return block.load(row, v);
}

// Rows that go through the blocks together, where a kernel writes as much as it reads: enough for the numbers of a column to be loaded
// seldom, few enough to walk along the rows, as memory and prefetch like it.
constexpr index_t kStrip = 4;

// Calls f(Block) for every block of `cols` columns, the first `head` of them (fewer than a vector) by themselves.
template <class V, class F>
STEEPEST_INLINE void for_blocks(index_t cols, const F& f, index_t head = 0) {
    constexpr index_t L = V::lanes;
    if (head > 0) f(Block<V, 1>{0, head});
    index_t j = head;
    for (; j + 4 * L <= cols; j += 4 * L) f(Block<V, 4>{j, 4 * L});
    for (; j < cols; j += L) f(Block<V, 1>{j, cols - j < L ? cols - j : L});
}

}  // namespace
}  // namespace steepest
