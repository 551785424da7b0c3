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

// Where what one call reads and writes is this much, its output has left the caches by the time it is read again. Stored past them it need
// not be read first: with two workers and 32 MB of last cache x -> y wins from 20 MB each on and (a, b) -> y from 12, a quarter of the time
// beyond, and loses as much at 12 and at 8. (In training only layers many thousands wide come near, beside whose products this is nothing.)
constexpr index_t kStreamBytes = index_t(18) << 20;

// Elements of a row before its first aligned vector, or -1 where rows have it in different places or y is on no multiple of its element.
template <class V>
STEEPEST_INLINE index_t aligned_head(index_t rows, index_t cols, const typename V::value_type* y, index_t ldy) {
    const auto address = reinterpret_cast<std::uintptr_t>(y);
    if (address % sizeof(*y) != 0 || (rows > 1 && ldy % V::lanes != 0)) return -1;
    const index_t head = index_t((sizeof(V) - address % sizeof(V)) % sizeof(V) / sizeof(*y));
    return head < cols ? head : cols;
}
// Whether an output of a call is worth streaming that reads and writes so many matrices, itself among them.
template <class V>
STEEPEST_INLINE bool beyond_caches(index_t rows, index_t cols, int matrices) {
    return rows * cols * matrices * index_t(sizeof(typename V::value_type)) >= kStreamBytes;
}
// aligned_head, or -1 where y is not worth streaming.
template <class V>
STEEPEST_INLINE index_t stream_head(index_t rows, index_t cols, int matrices, const typename V::value_type* y,
                                    index_t ldy) {
    return beyond_caches<V>(rows, cols, matrices) ? aligned_head<V>(rows, cols, y, ldy) : -1;
}

// How a kernel walks over its matrices: `head` as stream_head says, and -1 in place, where what was just read is in the cache. Not
// inlined: with it a small kernel is a third larger.
struct Walk {
    index_t rows, cols, head;
};
template <class V>
STEEPEST_NOINLINE Walk walk(index_t rows, index_t cols, bool contiguous, bool in_place, int matrices,
                            const typename V::value_type* y, index_t ldy) {
    collapse(&rows, &cols, contiguous);
    return {rows, cols, in_place ? -1 : stream_head<V>(rows, cols, matrices, y, ldy)};
}

// What a stream reads is asked for a page ahead: the processor's own prefetch stops at the end of every page. Measured a tenth faster.
template <class V>
constexpr index_t kAhead = 4096 / index_t(sizeof(typename V::value_type));

// Stores past the caches or not. The question is put at every vector, for a loop of each kind is twice the code.
template <class V>
STEEPEST_INLINE void put(bool stream, typename V::value_type* y, V x) {
    stream ? x.stream(y) : x.store(y);
}

// One vector of n lanes. Not inlined: f in the head, the loop and the tail of every kernel made the kernels a quarter larger.
template <class V, class F>
STEEPEST_NOINLINE void map_some(index_t n, const typename V::value_type* x, typename V::value_type* y, const F& f) {
    f(V::load_n(x, n)).store_n(y, n);
}
template <class V, class F>
STEEPEST_NOINLINE void zip_some(index_t n, const typename V::value_type* a, const typename V::value_type* b,
                                typename V::value_type* y, const F& f) {
    f(V::load_n(a, n), V::load_n(b, n)).store_n(y, n);
}

// A row that may go past the caches: `head` is where its first aligned vector begins, or -1 for a row to be stored as usual. A call of
// V::fence() must follow a stream.
template <class V, class F>
STEEPEST_INLINE void map_long(index_t n, index_t head, const typename V::value_type* x, typename V::value_type* y,
                              const F& f) {
    const bool stream = head >= 0;
    if (head > 0) map_some<V>(head, x, y, f);
    index_t i = stream ? head : 0;
    for (; i + V::lanes <= n; i += V::lanes) {
        if (stream) STEEPEST_PREFETCH(x + i + kAhead<V>);
        put(stream, y + i, f(V::load(x + i)));
    }
    if (i < n) map_some<V>(n - i, x + i, y + i, f);
}

template <class V, class F>
STEEPEST_INLINE void zip_long(index_t n, index_t head, const typename V::value_type* a, const typename V::value_type* b,
                              typename V::value_type* y, const F& f) {
    const bool stream = head >= 0;
    if (head > 0) zip_some<V>(head, a, b, y, f);
    index_t i = stream ? head : 0;
    for (; i + V::lanes <= n; i += V::lanes) {
        if (stream) {
            STEEPEST_PREFETCH(a + i + kAhead<V>);
            STEEPEST_PREFETCH(b + i + kAhead<V>);
        }
        put(stream, y + i, f(V::load(a + i), V::load(b + i)));
    }
    if (i < n) zip_some<V>(n - i, a + i, b + i, y + i, f);
}

// A large result goes past the caches.
template <class V, class F>
STEEPEST_INLINE void map(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                         typename V::value_type* y, index_t ldy, const F& f) {
    const Walk w = walk<V>(rows, cols, ldx == cols && ldy == cols, x == y, 2, y, ldy);
    for (index_t r = 0; r < w.rows; ++r) map_long<V>(w.cols, w.head, x + r * ldx, y + r * ldy, f);
    if (w.head >= 0) V::fence();
}

template <class V, class F>
STEEPEST_INLINE void zip(index_t rows, index_t cols, const typename V::value_type* a, index_t lda,
                         const typename V::value_type* b, index_t ldb, typename V::value_type* y, index_t ldy,
                         const F& f) {
    const Walk w = walk<V>(rows, cols, lda == cols && ldb == cols && ldy == cols, a == y || b == y, 3, y, ldy);
    for (index_t r = 0; r < w.rows; ++r) zip_long<V>(w.cols, w.head, a + r * lda, b + r * ldb, y + r * ldy, f);
    if (w.head >= 0) V::fence();
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

// Stores into the columns of a block, past the caches or not; and loads from there, asking or not for what lies `ahead` elements
// further on. (The questions must be the same one if loops of each kind are to be made of it.)
template <class B, class V>
STEEPEST_INLINE void put(bool stream, const B& block, typename V::value_type* row, int v, V x) {
    stream ? block.stream(row, v, x) : block.store(row, v, x);
}
template <class V, class B>
STEEPEST_INLINE V get(bool ask, index_t ahead, const B& block, const typename V::value_type* row, int v) {
    if (ask) STEEPEST_PREFETCH(row + block.first + v * V::lanes + ahead);
    return block.load(row, v);
}

// Rows that hold so many bytes, at least one.
template <class V>
STEEPEST_INLINE index_t rows_of_bytes(index_t cols, index_t bytes) {
    const index_t width = (cols > 0 ? cols : 1) * index_t(sizeof(typename V::value_type));
    return bytes > width ? bytes / width : 1;
}

// Calls f(Block) for every block of `cols` columns, the first `head` of them (fewer than a vector, or -1 for none) by themselves.
template <class V, class F>
STEEPEST_INLINE void for_blocks(index_t cols, const F& f, index_t head = 0) {
    constexpr index_t L = V::lanes;
    if (head > 0) f(Block<V, 1>{0, head});
    index_t j = head > 0 ? head : 0;
    for (; j + 4 * L <= cols; j += 4 * L) f(Block<V, 4>{j, 4 * L});
    for (; j < cols; j += L) f(Block<V, 1>{j, cols - j < L ? cols - j : L});
}

}  // namespace
}  // namespace steepest
