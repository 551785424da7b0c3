// Rows of a sparse data set into a batch: the batch is dense, the data set never.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "ops/data.hpp"

namespace steepest {

// out row i = source row order[i], written out with its zeros, in the type T; entries that stand twice add up. Nothing is read or
// written outside the arrays, whatever the indices say: an entry beyond the columns is left out.
template <class T>
void gather_sparse(const SourceMatrix& source, const std::int64_t* order, index_t count, T* out, index_t ldo);

}  // namespace steepest
