// The few types every room speaks: sizes, and a view of a row-major matrix that owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace steepest {

// Signed, so that differences and reversed loops cannot wrap around.
using index_t = std::ptrdiff_t;

// Cache line, and the alignment of every buffer of ours: one AVX-512 register.
constexpr index_t kAlignment = 64;

// Elements of the widest packed panel: gemm_nr of float32 on AVX-512.
constexpr index_t kMostPanel = 32;

// A row-major matrix (rows, cols) whose rows lie `stride` elements apart, stride >= cols.
template <class T>
struct MatrixView {
    T* data = nullptr;
    index_t rows = 0;
    index_t cols = 0;
    index_t stride = 0;

    T* row(index_t i) const { return data + i * stride; }
    MatrixView slice(index_t begin, index_t end) const { return {row(begin), end - begin, cols, stride}; }
};

// static: a unit compiled for one instruction set must not lend its copy to the others at link time.
static constexpr index_t ceil_div(index_t a, index_t b) { return (a + b - 1) / b; }
static constexpr index_t round_up(index_t a, index_t multiple) { return ceil_div(a, multiple) * multiple; }

}  // namespace steepest
