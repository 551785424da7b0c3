// Piecewise linear operations that learn: PReLU and the maximum of Maxout. Both are kinked where a piece takes over.
#pragma once

#include "core/aligned_buffer.hpp"
#include "ops/operation.hpp"

namespace steepest {

// y = x where x > 0, slope x elsewhere; slope is one number, or one per channel of so many columns side by side, down to
// a single one (He et al. 2015).
template <class T>
class PRelu : public Operation<T> {
public:
    PRelu(const KernelTable<T>& kernels, index_t width) : Operation<T>(kernels), width_(width) {}

    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void refresh(const Worker& worker) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override { return this->site_.parameters[0].trainable ? 1 : 0; }
    double task_cost(index_t /*rows*/, index_t /*task*/) const override { return double(4 * width_); }
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;

private:
    index_t stride() const { return round_up(width_, kAlignment / index_t(sizeof(T))); }
    // Columns that share a slope.
    index_t places() const { return width_ / this->site_.parameters[0].cols; }
    void spread() const;

    index_t width_;
    T* slopes_ = nullptr;  // (width): the slope of every column
    T* sums_ = nullptr;    // (chunks + 1, stride): of dy min(x, 0), the last row for the total
};

// y (rows, units) = max over k pieces of z (rows, units k): with a dense layer before it, Maxout (Goodfellow et al. 2013).
template <class T>
class MaxPieces : public Operation<T> {
public:
    MaxPieces(const KernelTable<T>& kernels, index_t units, index_t pieces)
        : Operation<T>(kernels), units_(units), pieces_(pieces) {}

    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    index_t units_;
    index_t pieces_;
    AlignedBuffer<std::uint16_t> which_;  // (capacity, units)
};

}  // namespace steepest
