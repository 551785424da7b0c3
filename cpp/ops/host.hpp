// Operations and losses that somebody outside the core wrote, in Python for one: the engine calls them with views of the batch.
//
// In training worker 0 makes the call for the whole batch while the others wait, so the function may mix rows; outside training
// each worker calls it for its own rows. What it throws is kept, the step is abandoned by all workers together, and the run
// throws it again.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "ops/operation.hpp"

namespace steepest {

// A matrix of floats or doubles; data == nullptr where there is none.
struct HostArray {
    void* data = nullptr;
    index_t rows = 0;
    index_t cols = 0;
    index_t stride = 0;  // elements
    bool is_double = false;
};

struct HostCall {
    bool training = false;
    std::vector<HostArray> inputs;
    HostArray output;
    // Backward only: output_gradient is read, input_gradients are written, or added to where `add` says so.
    HostArray output_gradient;
    std::vector<HostArray> input_gradients;
    std::vector<bool> add;
    std::vector<HostArray> parameters;
    std::vector<HostArray> parameter_gradients;
};

struct HostFunction {
    std::function<void(const HostCall&)> forward;
    std::function<void(const HostCall&)> backward;
};

// output, targets (labels as one column where the loss takes labels) -> row losses and their gradients by the output, both before
// weights and the mean.
struct HostLoss {
    std::function<void(const HostArray& output, const HostArray& targets, const HostArray& row_loss,
                       const HostArray& gradient)>
        call;
};

// The first exception of a run, for all workers to see behind the next barrier.
class Failure {
public:
    void keep(std::exception_ptr error) {
        const std::lock_guard<std::mutex> guard(lock_);
        if (!error_) error_ = std::move(error);
        failed_.store(true, std::memory_order_release);
    }
    bool failed() const { return failed_.load(std::memory_order_acquire); }
    void rethrow() {
        if (!failed()) return;
        failed_.store(false, std::memory_order_release);
        std::rethrow_exception(std::exchange(error_, nullptr));
    }

private:
    std::mutex lock_;
    std::exception_ptr error_;
    std::atomic<bool> failed_{false};
};

template <class T>
HostArray host_array(const MatrixView<T>& view, index_t begin, index_t end) {
    if (view.data == nullptr) return {};
    return {view.row(begin), end - begin, view.cols, view.stride, sizeof(T) == sizeof(double)};
}

template <class T>
class HostOperation : public Operation<T> {
public:
    // `sizes`: elements of each parameter.
    HostOperation(const KernelTable<T>& kernels, std::shared_ptr<HostFunction> function, Failure& failure,
                  std::vector<index_t> sizes)
        : Operation<T>(kernels), function_(std::move(function)), failure_(failure), sizes_(std::move(sizes)) {}

    index_t workspace(index_t capacity, int workers) const override;
    void bind(const Site<T>& site, T* workspace) override;
    void forward(const Step<T>& step, Rows rows, const Worker& worker) override;
    void backward(const Step<T>& step, Rows rows, const Worker& worker) override;
    index_t parameter_tasks() const override { return index_t(sizes_.size()); }
    double task_cost(index_t /*rows*/, index_t /*task*/) const override {
        return sizes_.empty() ? 0.0 : double(sizes_[0]);
    }
    void parameter_task(const Step<T>& step, index_t task, const Worker& worker) override;

private:
    HostCall describe(const Step<T>& step, Rows rows) const;
    void call(const std::function<void(const HostCall&)>& function, const Step<T>& step, Rows rows,
              const Worker& worker);
    MatrixView<T> gradient_of(std::size_t parameter) const;

    std::shared_ptr<HostFunction> function_;
    Failure& failure_;
    std::vector<index_t> sizes_;
    T* gradients_ = nullptr;  // of the parameters, one behind the other
};

}  // namespace steepest
