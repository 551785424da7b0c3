// Rows of a data set into a batch: chosen by number, converted to the network's type on the way. The source is never converted as a
// whole, and may lie in any order and at any address in memory.
#pragma once

#include <cstring>

#include "core/inline.hpp"
#include "kernels/element_type.hpp"
#include "kernels/table.hpp"

namespace steepest {
namespace {

// Rows arrive in random order, which no hardware prefetcher foresees; asking for the first lines of a later row is enough for it to
// fetch the rest.
constexpr index_t kRowsAhead = 6;
constexpr index_t kBytesAhead = 256;

// memcpy: the source need not be aligned for its type. It compiles to a plain load.
template <class S>
STEEPEST_INLINE S load_element(const char* p) {
    S value;
    std::memcpy(&value, p, sizeof(S));
    return value;
}

template <class V, class S>
STEEPEST_INLINE void convert_row(index_t cols, const char* from, index_t step,
                                 typename V::value_type* STEEPEST_RESTRICT to) {
    using T = typename V::value_type;
    if (step == index_t(sizeof(S))) {  // a stride known to the compiler, which makes vectors of it
        for (index_t j = 0; j < cols; ++j) to[j] = T(load_element<S>(from + j * index_t(sizeof(S))));
    } else {
        for (index_t j = 0; j < cols; ++j) to[j] = T(load_element<S>(from + j * step));
    }
}

template <class V, class S>
void gather_rows(index_t count, index_t cols, const char* base, index_t row_bytes, index_t col_bytes,
                 const std::int64_t* rows, typename V::value_type* out, index_t ldo) {
    using T = typename V::value_type;
    const index_t ahead = cols * index_t(sizeof(S)) < kBytesAhead ? cols * index_t(sizeof(S)) : kBytesAhead;
    const bool same = sizeof(S) == sizeof(T) && T(0.5) == T(S(0.5)) && col_bytes == index_t(sizeof(S));
    for (index_t i = 0; i < count; ++i) {
        if (i + kRowsAhead < count) {
            const char* later = base + index_t(rows[i + kRowsAhead]) * row_bytes;
            for (index_t b = 0; b < ahead; b += kAlignment) STEEPEST_PREFETCH(later + b);
        }
        const char* from = base + index_t(rows[i]) * row_bytes;
        if (same)
            std::memcpy(out + i * ldo, from, std::size_t(cols) * sizeof(T));
        else
            convert_row<V, S>(cols, from, col_bytes, out + i * ldo);
    }
}

template <class V>
void gather(Source type, index_t count, index_t cols, const void* base, index_t row_bytes, index_t col_bytes,
            const std::int64_t* rows, typename V::value_type* out, index_t ldo) {
    const char* bytes = static_cast<const char*>(base);
    with_element_type(type, [&](auto zero) {
        gather_rows<V, decltype(zero)>(count, cols, bytes, row_bytes, col_bytes, rows, out, ldo);
    });
}

}  // namespace
}  // namespace steepest
