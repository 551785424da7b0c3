// What an operation is to the engine. Its functions are SPMD: every worker of the team calls them in the same order and does its
// share; an operation that needs other workers' rows meets them at the worker's barrier.
//
// A training step is
//     for each operation in order:            forward(step, worker)
//     the loss, then in reverse order:        backward(step, worker)      input gradients, by rows
//     barrier
//     for each task of every operation:       parameter_task(...)         weight gradients, by tiles, handed to the optimiser
//     barrier
// and where a parameter is constrained (max norm), the constraint tasks and one more barrier.
#pragma once

#include <algorithm>
#include <vector>

#include "core/team.hpp"
#include "core/types.hpp"
#include "kernels/table.hpp"
#include "ops/update.hpp"

namespace steepest {

// Rows are shared out in chunks of this many: partial sums over rows belong to chunks, so they do not depend on the workers.
constexpr index_t kRowChunk = 16;

template <class T>
struct Value {
    MatrixView<T> data;      // (capacity, width)
    MatrixView<T> gradient;  // the same, or data == nullptr where nobody needs it
};

// work(first column, columns) for panels of columns: what a kernel keeps for each column then stays in the first-level cache while the rows
// go by. A panel's columns know nothing of the others, so no bit depends on it.
template <class T, class F>
void for_panels(index_t cols, const F& work) {
    constexpr index_t panel = 4096 / index_t(sizeof(T));
    for (index_t j = 0; j < cols; j += panel) work(j, std::min(panel, cols - j));
}

// Rows [begin, end) of the batch; in training begin is a multiple of kRowChunk.
struct Rows {
    index_t begin = 0;
    index_t end = 0;
    index_t count() const { return end - begin; }
};

// What is the same for every worker and operation of one step.
template <class T>
struct Step {
    index_t rows = 0;       // of this batch, at most the plan's capacity
    bool training = false;  // batch statistics and dropout
    bool learning = false;  // the step counts: running statistics move
    bool shared = false;    // all workers are in the same batch and may meet at barriers; else each has rows of its own
    std::uint64_t seed = 0;
    std::uint64_t number = 0;
    const Update<T>* update = nullptr;  // null in inference
    // The rows of the network's input where the caller has them, `input_stride` elements apart, the worker's first one first; null: they
    // were gathered.
    const T* input = nullptr;
    index_t input_stride = 0;

    Rows share(const Worker& worker) const {
        Rows own;
        worker.share(rows, kRowChunk, &own.begin, &own.end);
        return own;
    }
};

// Where an operation stands in the plan: its values and tensors.
template <class T>
struct Site {
    std::vector<Value<T>*> inputs;
    Value<T>* output = nullptr;
    std::vector<bool>
        add_gradient;  // per input: add to the gradient that an operation further down has written already
    std::vector<Parameter<T>> parameters;
    std::vector<T*> states;
    index_t capacity = 0;
    int workers = 1;
    double part = 1.0;         // of a dense layer's weights in all of the network's
    bool reads_input = false;  // the first value, which step.input may replace
};

template <class T>
class Operation {
public:
    explicit Operation(const KernelTable<T>& kernels) : kernels_(kernels) {}
    virtual ~Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    // Elements of memory it wants beside its values, for batches of up to `capacity` rows.
    virtual index_t workspace(index_t /*capacity*/, int /*workers*/) const { return 0; }
    virtual void bind(const Site<T>& site, T* /*workspace*/) { site_ = site; }
    // At the start of a slice, by all workers: whatever must follow a change of the parameters from outside. A barrier follows.
    virtual void refresh(const Worker& /*worker*/) {}
    // `rows` are the worker's own. Nothing may wait at a barrier unless step.shared.
    virtual void forward(const Step<T>& step, Rows rows, const Worker& worker) = 0;
    virtual void backward(const Step<T>& step, Rows rows, const Worker& worker) = 0;
    // The same as forward, where all workers have the same few rows and divide the columns; a barrier follows.
    virtual void forward_columns(const Step<T>& step, Rows rows, const Worker& worker) {
        if (worker.id == 0) forward(step, rows, worker);
    }

    // The parameter phase: independent tasks, each done whole by one worker.
    virtual index_t parameter_tasks() const { return 0; }
    // Cost of a task for a batch of `rows`, in multiply-adds; only ratios count.
    virtual double task_cost(index_t /*rows*/, index_t /*task*/) const { return 0.0; }
    virtual void parameter_task(const Step<T>& /*step*/, index_t /*task*/, const Worker& /*worker*/) {}
    // After all updates: tasks that bring parameters back into what they are allowed to be.
    virtual index_t constraint_tasks() const { return 0; }
    virtual void constraint_task(index_t /*task*/) {}

protected:
    const KernelTable<T>& kernels_;
    Site<T> site_;
};

}  // namespace steepest
