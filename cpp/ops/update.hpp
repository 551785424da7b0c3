// The end of a gradient's way: either the optimiser's rule on the parameter, while the tile is hot, or the caller's gradient array.
#pragma once

#include "core/types.hpp"
#include "kernels/table.hpp"

namespace steepest {

// What numbers are multiplied by, for a Euclidean norm, where their squares are too large for a double: so scaled none is.
constexpr double kSmallScale = 0x1p-600;

template <class T>
struct Parameter {
    T* data = nullptr;
    index_t offset = 0;  // in the parameter arena; the gradient and the optimiser's state have the same layout
    index_t rows = 0;
    index_t cols = 0;
    double l1 = 0.0;
    double l2 = 0.0;
    double rate_scale = 1.0;  // multiplies the learning rate
    double max_norm = 0.0;    // bound of a column's Euclidean norm; 0: none
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
    T* observed = nullptr;   // not null: store the data loss's gradient beside all else
    double penalty = 1.0;    // multiplies l1 and l2

    // g (rows, cols): the data loss's gradient of the block of p that starts at element (row, col); scratch, changed here.
    void apply(const Parameter<T>& p, index_t row, index_t col, index_t rows, index_t cols, T* g, index_t ldg) const {
        const index_t at = row * p.cols + col;
        T* w = p.data + at;
        for (index_t i = 0; i < rows && observed != nullptr; ++i)
            for (index_t j = 0; j < cols; ++j) observed[p.offset + at + i * p.cols + j] = g[i * ldg + j];
        // d/dw l1 |w| = l1 sign(w), and 0 where w is 0.
        for (index_t i = 0; i < rows && p.l1 != 0.0; ++i)
            for (index_t j = 0; j < cols; ++j) g[i * ldg + j] += T(penalty * p.l1) * sign(w[i * p.cols + j]);
        if (gradients != nullptr) {
            T* out = gradients + p.offset + at;
            const T l2 = T(penalty * p.l2);
            for (index_t i = 0; i < rows; ++i)
                for (index_t j = 0; j < cols; ++j) out[i * p.cols + j] = g[i * ldg + j] + l2 * w[i * p.cols + j];
            return;
        }
        run_rule(p, penalty * p.l2, at, rows, cols, g, ldg);
    }

    // The optimiser's rule alone: g holds the penalty's part already where l2 is 0.
    void run_rule(const Parameter<T>& p, double l2, index_t at, index_t rows, index_t cols, const T* g,
                  index_t ldg) const {
        UpdateArgs<T> own = args;
        own.learning_rate *= p.rate_scale;
        own.l2 = l2;
        if (!p.decay) own.weight_decay = 0.0;
        T* s1 = slot1 == nullptr ? nullptr : slot1 + p.offset + at;
        T* s2 = slot2 == nullptr ? nullptr : slot2 + p.offset + at;
        rule(rows, cols, p.data + at, p.cols, g, ldg, s1, s2, own);
    }

private:
    static T sign(T x) { return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0); }
};

}  // namespace steepest
