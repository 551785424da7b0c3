// How an operation that can compute dx in place of dy passes it to its input's gradient: it writes to gradient_target() and then
// calls hand_over(). Where another operation has written that gradient already, dx is computed over dy and added.
#pragma once

#include <cstring>

#include "ops/operation.hpp"

namespace steepest {

template <class T>
void copy_rows(Rows rows, const MatrixView<T>& from, const MatrixView<T>& to) {
    if (from.data == to.data) return;
    for (index_t r = rows.begin; r < rows.end; ++r)
        std::memcpy(to.row(r), from.row(r), std::size_t(from.cols) * sizeof(T));
}

template <class T>
MatrixView<T> gradient_target(const Site<T>& site) {
    return site.add_gradient[0] ? site.output->gradient : site.inputs[0]->gradient;
}

template <class T>
void hand_over(const KernelTable<T>& kernels, const Site<T>& site, Rows rows) {
    if (!site.add_gradient[0]) return;
    const auto& dx = site.output->gradient;
    const auto& to = site.inputs[0]->gradient;
    kernels.add(rows.count(), dx.cols, dx.row(rows.begin), dx.stride, to.row(rows.begin), to.stride);
}

}  // namespace steepest
