// Operations that move columns: the sum and the concatenation of values, a choice of columns, and the rows of an embedding table.
#pragma once

#include <vector>

#include "ops/operation.hpp"

namespace steepest {

// y = x_1 + x_2 + ... (all of one width): the end of a residual block.
template <class T>
class Sum : public Operation<T> {
public:
    using Operation<T>::Operation;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
};

// y = [x_1, x_2, ...], side by side.
template <class T>
class Concatenate : public Operation<T> {
public:
    using Operation<T>::Operation;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
};

// y_j = x_(columns[j])
template <class T>
class Select : public Operation<T> {
public:
    Select(const KernelTable<T>& kernels, std::vector<index_t> columns)
        : Operation<T>(kernels), columns_(std::move(columns)) {}
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;

private:
    std::vector<index_t> columns_;
};

// y = E[x], x (rows, 1) whole numbers, E (categories, width). A number outside [0, categories), or NaN, takes the row of zeros that
// is not learned: an unknown category at prediction says nothing.
template <class T>
class Embedding : public Operation<T> {
public:
    using Operation<T>::Operation;
    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override { return table().trainable ? ceil_div(table().rows, kBlock) : 0; }
    double task_cost(index_t rows, index_t /*task*/) const override { return double(rows + kBlock * table().cols); }
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;
    void describe(index_t width) { width_ = width; }

private:
    static constexpr index_t kBlock = 64;  // categories of one task
    const Parameter<T>& table() const { return this->site_.parameters[0]; }
    index_t category(index_t row) const;

    index_t width_ = 0;
    T* gradients_ = nullptr;  // (workers, kBlock, width)
};

}  // namespace steepest
