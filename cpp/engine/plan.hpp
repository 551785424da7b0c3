// The plan: a program bound to memory for batches of up to `capacity` rows. Every value, gradient and workspace has an offset in
// one arena, which is a function of the program and the capacity alone.
#pragma once

#include <memory>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "engine/plan_key.hpp"
#include "engine/program.hpp"
#include "ops/loss.hpp"
#include "ops/operation.hpp"

namespace steepest {

// Where everything lies, in elements from the start of the arena. Pure: the tests look at it without running anything.
struct Layout {
    std::vector<index_t> data;      // per value
    std::vector<index_t> gradient;  // per value; -1: none
    std::vector<index_t> stride;    // per value
    index_t end = 0;
};
// `lanes`: columns a row is padded to (a packed panel is read and written in whole); element_bytes: of the arena's type.
Layout lay_out(const Program& program, const PlanKey& key, index_t lanes, index_t element_bytes);

// Memory of the network's tensors.
template <class T>
struct Tensors {
    std::vector<Parameter<T>> parameters;
    std::vector<T*> states;
};

template <class T>
class Plan {
public:
    Plan(const Program& program, const PlanKey& key, const KernelTable<T>& kernels, const Tensors<T>& tensors,
         Failure& failure);

    const PlanKey& key() const { return key_; }
    const KernelTable<T>& kernels() const { return kernels_; }
    index_t bytes() const { return arena_.size() * index_t(sizeof(T)); }
    LossHead<T>& loss() { return *loss_; }
    Value<T>& value(int i) { return values_[std::size_t(i)]; }
    Value<T>& output() { return value(output_); }

    // SPMD parts of a step; see ops/operation.hpp.
    void refresh(const Worker& worker);
    // Row rows.begin + i of the batch is row order[i] of x.
    void gather(const SourceMatrix& x, const std::int64_t* order, Rows rows);
    // The same for the rows first, first + 1, ... of x.
    void gather_run(const SourceMatrix& x, index_t first, Rows rows);
    // Points step->input at those rows of x where the operations can read them as they lie there, and gathers them where not.
    void read_run(const SourceMatrix& x, index_t first, Rows rows, Step<T>* step);
    void forward(const Step<T>& step, Rows rows, const Worker& worker);
    // The workers meet at a barrier behind every operation.
    void forward_columns(const Step<T>& step, Rows rows, const Worker& worker);
    void backward(const Step<T>& step, Rows rows, const Worker& worker);

    // For the parameter phase; see engine/task_shares.hpp.
    const std::vector<std::unique_ptr<Operation<T>>>& operations() const { return operations_; }
    bool constrained() const;
    // SPMD: every constraint task of every operation, shared among the workers.
    void constrain(const Worker& worker);

private:
    PlanKey key_;
    const KernelTable<T>& kernels_;
    int output_;
    bool input_as_it_lies_;  // nobody needs the input's values in the plan, see read_run()
    std::vector<Value<T>> values_;
    std::vector<std::unique_ptr<Operation<T>>> operations_;
    std::unique_ptr<LossHead<T>> loss_;
    AlignedBuffer<T> arena_;
};

}  // namespace steepest
