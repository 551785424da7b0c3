// A network: a program with the memory of its tensors, and the runs over it. Not safe for two threads at once; the caller locks.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "engine/monitor.hpp"
#include "engine/plan.hpp"
#include "engine/program.hpp"
#include "engine/team_choice.hpp"
#include "engine/whole_update.hpp"
#include "ops/data.hpp"

namespace steepest {

// The optimiser of a slice. The hyper-parameters are doubles; each step turns them into the kernel's arguments.
template <class T>
struct OptimizerState {
    Optimizer kind = Optimizer::sgd;
    double beta1 = 0.0;
    double beta2 = 0.0;
    double epsilon = 0.0;
    double weight_decay = 0.0;
    bool bias_correction = true;
    Clipping clipping;
    double penalty_weight = 0.0;  // not 0: a batch of weight w takes the penalties times penalty_weight / w
    T* slot1 = nullptr;           // velocity or first moment; the layout of the parameter arena
    T* slot2 = nullptr;           // second moment
    std::int64_t updates = 0;     // made before this slice
};

struct TrainArgs {
    const std::int64_t* order = nullptr;  // (count) rows to visit
    index_t count = 0;
    const double* learning_rates = nullptr;  // one per step
    index_t batch_size = 0;
    LossSpec loss;
    std::uint64_t step = 0;  // steps of the network before this slice: addresses its random numbers
    std::uint64_t seed = 0;
    int threads = 1;
    // Sums of the epoch so far, which the result's sums go on from: one chain of additions, wherever slices end.
    double loss_sum = 0.0;
    double weight_sum = 0.0;
    double budget = 0.1;  // seconds; the slice ends after the first step beyond
    // Whether nobody has written to the parameters since the last slice: the plan's packed weights then are still right.
    bool unchanged = false;
    // Where somebody waits for the slice, it ends soon once this is set: see Slice::overdue. Null where nobody does.
    const std::atomic<bool>* leave = nullptr;
};

struct RunResult {
    index_t steps = 0;
    index_t rows = 0;
    double loss_sum = 0.0;  // of weight x row loss
    double weight_sum = 0.0;
    index_t correct = 0;
    bool finite = true;
    bool leaps = false;  // the monitor halted before the step whose loss leapt
    // Not finite: the first operation whose output was not; -1: only the loss; -2: the input already.
    int bad_operation = -1;

    // Goes on with what the next stretch did; its sums went on from ours.
    void add(const RunResult& next) {
        steps += next.steps;
        rows += next.rows;
        loss_sum = next.loss_sum;
        weight_sum = next.weight_sum;
        correct += next.correct;
        finite = next.finite;
        leaps = next.leaps;
        bad_operation = next.bad_operation;
    }
};

template <class T>
class Network {
public:
    explicit Network(Program program);

    const Program& program() const { return program_; }
    const Tensors<T>& tensors() const { return tensors_; }
    // The parameters' memory without the slack behind it.
    MatrixView<T> parameter_arena() const { return {parameters_.data(), 1, parameter_elements_, parameter_elements_}; }
    MatrixView<T> state_arena() const { return {states_.data(), 1, states_.size(), states_.size()}; }

    // Changes what is done with the tensors, which stay where they are: `program` has tensors of the same shapes in the same order.
    void replace_program(Program program);

    RunResult train(const DataSet& data, const OptimizerState<T>& optimizer, const TrainArgs& args);
    // One step over rows 0 .. n - 1 without an update. gradients: arena layout; input_gradient (n, D) or null. Returns the weighted
    // mean of the row losses.
    double loss_and_gradients(const DataSet& data, const LossSpec& loss, bool training, std::uint64_t step,
                              std::uint64_t seed, int threads, T* gradients, MatrixView<T> input_gradient);
    RunResult evaluate(const DataSet& data, const LossSpec& loss, index_t block, int threads);
    void predict(const SourceMatrix& x, MatrixView<T> out, index_t block, int threads);
    // One forward pass over all rows; afterwards value(i) holds them.
    Plan<T>& forward(const SourceMatrix& x, bool training, std::uint64_t step, std::uint64_t seed, int threads);

    // Watches every train() from now on, until unwatch() or another program.
    Monitor<T>& watch(std::vector<WatchedLayer> layers);
    Monitor<T>* monitor() { return monitor_.get(); }
    void unwatch() { monitor_.reset(); }

    // sum over parameters of 0.5 * l2 * sum(w^2) + l1 * sum|w|
    double penalty() const;

private:
    Plan<T>& plan(const PlanKey& key);
    // Steps with so many workers until the arguments' budget or rows end.
    RunResult stretch(Plan<T>& plan, int workers, const DataSet& data, const OptimizerState<T>& optimizer,
                      const TrainArgs& args);
    Plan<T>& inference_plan(index_t n, index_t block, int threads);
    template <class Each>
    void infer(Plan<T>& plan, const SourceMatrix& x, const Each& each);
    template <class Each>
    void infer_columns(Plan<T>& plan, const SourceMatrix& x, const Each& each);

    Program program_;
    AlignedBuffer<T> parameters_;  // with one panel of slack: a weight may be read in place, panel by panel
    index_t parameter_elements_ = 0;
    AlignedBuffer<T> states_;
    Tensors<T> tensors_;
    Plan<T>* last_trained_ = nullptr;  // the plan whose packed weights follow the parameters' last change here
    std::map<std::pair<index_t, int>, TeamChoice> team_choice_;  // by batch size and workers
    Failure failure_;                                            // of a host function, until the run can throw it
    std::list<std::unique_ptr<Plan<T>>> plans_;                  // most recently used first
    std::unique_ptr<WholeUpdate<T>> whole_update_;               // made when clipping first asks for it
    std::unique_ptr<Monitor<T>> monitor_;                        // null where nobody watches
};

}  // namespace steepest
