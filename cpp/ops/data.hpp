// The user's arrays as the engine sees them: memory, strides and an element type, never a copy.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/table.hpp"

namespace steepest {

struct SourceMatrix {
    Source type = Source::f32;
    const void* base = nullptr;
    index_t rows = 0;
    index_t cols = 0;
    index_t row_bytes = 0;
    index_t col_bytes = 0;
    // Compressed sparse rows, where row_starts is not null: `base` then holds the values of the entries, one after the other.
    const void* row_starts = nullptr;  // (rows + 1) numbers of entries
    const void* columns = nullptr;     // (entries)
    index_t entries = 0;
    bool wide_index = false;  // row_starts and columns are int64, else int32
};

// The type of an array of T, a float or a double.
template <class T>
constexpr Source source_of() {
    return sizeof(T) == sizeof(float) ? Source::f32 : Source::f64;
}

struct DataSet {
    SourceMatrix x;
    const std::int32_t* labels = nullptr;  // (rows), or null
    SourceMatrix targets;                  // base == nullptr where there are labels
    const double* weights = nullptr;       // (rows), or null for all ones
};

}  // namespace steepest
