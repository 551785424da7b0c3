// The end of a gradient's way: either the optimiser's rule on the parameter, while the tile is hot, or the caller's gradient array.
#pragma once

#include "core/types.hpp"
#include "kernels/table.hpp"

namespace steepest {

template <class T>
struct Parameter {
    T* data = nullptr;
    index_t offset = 0;  // in the parameter arena; the gradient and the optimiser's state have the same layout
    index_t rows = 0;
    index_t cols = 0;
    T l2 = T(0);
    bool decay = false;
    bool trainable = true;
};

template <class T>
struct Update {
    update_fn<T> rule = nullptr;
    UpdateArgs<T> args{};
    T* slot1 = nullptr;  // null where the rule has no such state
    T* slot2 = nullptr;
    T* gradients = nullptr;  // not null: store the gradient and leave the parameter alone

    // g (rows, cols): the data loss's gradient of the block of p that starts at element (row, col).
    void apply(const Parameter<T>& p, index_t row, index_t col, index_t rows, index_t cols, const T* g, index_t ldg) const {
        const index_t at = row * p.cols + col;
        if (gradients != nullptr) {
            T* out = gradients + p.offset + at;
            for (index_t i = 0; i < rows; ++i)
                for (index_t j = 0; j < cols; ++j)
                    out[i * p.cols + j] = g[i * ldg + j] + p.l2 * p.data[at + i * p.cols + j];
            return;
        }
        UpdateArgs<T> own = args;
        own.l2 = p.l2;
        if (!p.decay) own.weight_decay = T(0);
        T* s1 = slot1 == nullptr ? nullptr : slot1 + p.offset + at;
        T* s2 = slot2 == nullptr ? nullptr : slot2 + p.offset + at;
        rule(rows, cols, p.data + at, p.cols, g, ldg, s1, s2, own);
    }
};

}  // namespace steepest
