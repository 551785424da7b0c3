// Operations on whole rows: softmax and its kin, and layer norm.
#pragma once

#include "ops/operation.hpp"

namespace steepest {

template <class T>
class RowFunctionOperation : public Operation<T> {
public:
    RowFunctionOperation(const KernelTable<T>& kernels, RowFunction function)
        : Operation<T>(kernels), function_(function) {}
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    RowFunction function_;
};

// Layer norm over the columns of a row: y = gamma (x - mean) / sqrt(var + epsilon) + beta (Ba, Kiros, Hinton 2016).
template <class T>
class LayerNorm : public Operation<T> {
public:
    LayerNorm(const KernelTable<T>& kernels, index_t width, double epsilon)
        : Operation<T>(kernels), width_(width), epsilon_(T(epsilon)) {}

    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override { return 1; }
    double task_cost(index_t /*rows*/, index_t /*task*/) const override { return double(4 * width_); }
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;

private:
    index_t stride() const { return round_up(width_, kAlignment / index_t(sizeof(T))); }
    index_t chunks() const { return ceil_div(this->site_.capacity, kRowChunk); }

    index_t width_;
    T epsilon_;
    T* mean_ = nullptr;         // (capacity)
    T* inv_std_ = nullptr;      // (capacity)
    T* sum_dy_ = nullptr;       // (chunks + 1, stride), the last row for the total
    T* sum_dy_xhat_ = nullptr;  // (chunks + 1, stride)
};

}  // namespace steepest
