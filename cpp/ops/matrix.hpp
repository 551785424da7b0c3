// Blocking of the matrix product for one worker: which part of A and B the caches hold while the panels of kernels/gemm.hpp run.
#pragma once

#include "core/types.hpp"
#include "kernels/table.hpp"

namespace steepest {

// C (m, n) = [C or bias or 0] + A (m, k) B (k, n). Panel j of B, gemm_nr columns, begins at b + j panel_stride, and its rows lie b_k
// apart: packed, panel_stride is gemm_nr k and b_k is gemm_nr; in place they are gemm_nr and B's own stride, and gemm_nr elements must be
// readable behind B.
template <class T>
struct RowProduct {
    index_t m, n, k;
    const T* a;
    index_t lda;
    const T* b;
    index_t panel_stride;
    index_t b_k;
    T* c;
    index_t ldc;
    const T* bias = nullptr;
    bool accumulate = false;
    Epilogue epilogue = Epilogue::none;
    T slope = T(0);
};

template <class T>
void multiply_rows(const KernelTable<T>& kernels, const RowProduct<T>& product);

// The same for m = 1, a B that is not packed and a C that is not accumulated to.
template <class T>
void multiply_one_row(const KernelTable<T>& kernels, const RowProduct<T>& product);

// C (m, n) = [C or 0] + A (m, k) W^T, where product.b is W (n, k) as pack_panels leaves it, panel_stride apart. Its blocks are turned
// over one by one in the caller's first-level cache, just before the rows of A pass. That costs as much as three more rows of A; a
// second packed copy, made by the worker that changed W, costs more, for its lines have to be taken from the other workers' caches.
template <class T>
void multiply_rows_by_transpose(const KernelTable<T>& kernels, const RowProduct<T>& product);

// A matrix B in panels of gemm_nr columns: panel j begins at data + j stride, its rows lie `row` apart, gemm_nr of each are readable.
template <class T>
struct Panels {
    const T* data;
    index_t stride;
    index_t row;
};

// G (m, n) = A^T B over `k` rows: A (k, m) row-major, B (k, n).
template <class T>
void multiply_transposed(const KernelTable<T>& kernels, index_t m, index_t n, index_t k, const T* a, index_t lda,
                         const Panels<T>& b, T* g, index_t ldg);

}  // namespace steepest
