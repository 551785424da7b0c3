// Dense: y = f(x W + b), W (in, out), f the identity or an activation whose derivative its output gives.
#pragma once

#include <algorithm>

#include "ops/matrix.hpp"
#include "ops/operation.hpp"

namespace steepest {

template <class T>
class Dense : public Operation<T> {
public:
    Dense(const KernelTable<T>& kernels, Activation activation, T alpha)
        : Operation<T>(kernels), activation_(activation), alpha_(alpha) {}

    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void refresh(const Worker& worker) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void forward_columns(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override;
    double task_cost(index_t rows, index_t task) const override;
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;
    // What no update changes is left as it is.
    index_t constraint_tasks() const override {
        const auto& w = weight();
        return w.max_norm > 0.0 && w.trainable && w.rate_scale > 0.0 ? panels() : 0;
    }
    void constraint_task(index_t task) override;

    // Tells the sizes before bind(), for workspace(): W (in, out), whether the input will want its gradient, and whether W is to be
    // read in place: for a handful of rows packing it would cost more than it brings.
    void describe(index_t in, index_t out, bool input_gradient, bool in_place);

private:
    // W's gradient is computed, and W updated and repacked, in blocks of kBlockRows by block_cols_. Wide ones: the rows of a narrow
    // block, and those of the optimiser's state, are too short for the hardware to fetch ahead, and where they lie a power of two apart
    // they fall into the same few sets of the caches and throw each other out.
    static constexpr index_t kBlockRows = 32;
    static_assert(kBlockRows % kMostPanel == 0, "a block's part of W^T is whole panels");
    static constexpr index_t kMostCols = 1024 / index_t(sizeof(T));
    index_t block_cols() const;
    index_t block_width(index_t task) const { return std::min(block_cols_, out_ - block_col(task)); }
    // Tasks count through the blocks of a few rows, so that a worker's are one piece of W and of the moments: what the hardware fetches ahead
    // beyond a row is then its own. Through those of a few columns where dz's other columns would not stay in the cache.
    index_t block_row(index_t task) const {
        return (rows_first_ ? task / col_blocks() : task % row_blocks()) * kBlockRows;
    }
    index_t block_col(index_t task) const {
        return (rows_first_ ? task % col_blocks() : task / row_blocks()) * block_cols_;
    }
    index_t row_blocks() const { return ceil_div(in_, kBlockRows); }
    index_t col_blocks() const { return ceil_div(out_, block_cols_); }
    index_t panels() const { return ceil_div(out_, this->kernels_.gemm_nr); }
    const Parameter<T>& weight() const { return this->site_.parameters[0]; }
    bool has_bias() const { return this->site_.parameters.size() > 1; }
    void pack_panel(index_t row, index_t col) const;
    void multiply(const T* x, index_t ldx, Rows rows, index_t begin, index_t end) const;
    // An output of at most one vector, whose gradient is computed with the roles of x and dz exchanged: tiles of dz^T x fill the
    // registers.
    bool narrow() const { return out_ <= this->kernels_.lanes; }
    void narrow_gradient(const Step<T>& step, index_t row, index_t rows, T* tile) const;

    Activation activation_;
    T alpha_;
    index_t in_ = 0;
    index_t out_ = 0;
    bool input_gradient_ = false;
    bool in_place_ = false;
    index_t block_cols_ = 0;
    bool rows_first_ = false;
    T* packed_ = nullptr;  // W in panels
};

}  // namespace steepest
