// A slice of training: many steps inside one parallel region.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/network.hpp"
#include "engine/task_shares.hpp"
#include "engine/workers.hpp"

namespace steepest {

namespace {

template <class T>
UpdateArgs<T> update_args(const OptimizerState<T>& o, double learning_rate, std::int64_t update) {
    UpdateArgs<T> args{};
    args.learning_rate = learning_rate;
    args.beta1 = o.beta1;
    args.beta2 = o.beta2;
    args.epsilon = o.epsilon;
    args.weight_decay = o.weight_decay;
    const double t = double(update);
    args.correction1 = o.bias_correction ? 1.0 / (1.0 - std::pow(o.beta1, t)) : 1.0;
    if (o.bias_correction && o.kind == Optimizer::nadam)
        args.correction_next = 1.0 / (1.0 - std::pow(o.beta1, t + 1.0));
    args.correction2 = o.bias_correction ? 1.0 / (1.0 - std::pow(o.beta2, t)) : 1.0;
    return args;
}

template <class T>
bool all_finite(const MatrixView<T>& view, index_t rows) {
    for (index_t r = 0; r < rows; ++r)
        for (index_t j = 0; j < view.cols; ++j)
            if (!std::isfinite(view.row(r)[j])) return false;
    return true;
}

// Where several values share memory it is the first of them: what writes over its input makes no infinity of its own.
template <class T>
int first_bad_operation(const Program& program, Plan<T>& plan, index_t rows) {
    if (!all_finite(plan.value(0).data, rows)) return -2;
    for (std::size_t i = 0; i < program.operations.size(); ++i)
        if (!all_finite(plan.value(program.operations[i].output).data, rows)) return int(i);
    return -1;
}

// What the way to Python and back costs a slice, about.
constexpr double kComingBack = 300e-6;

bool asked_to_leave(const TrainArgs& args) {
    return args.leave != nullptr && args.leave->load(std::memory_order_relaxed);
}

class Stopwatch {
public:
    double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now();
};

template <class T>
class Slice {
public:
    Slice(Plan<T>& plan, int workers, const Failure& failure, WholeUpdate<T>* whole, Monitor<T>* monitor,
          const DataSet& data, const OptimizerState<T>& optimizer, const TrainArgs& args)
        : plan_(plan),
          shares_(plan.operations(), plan.key().capacity, workers),
          failure_(failure),
          whole_(whole),
          monitor_(monitor),
          data_(data),
          optimizer_(optimizer),
          args_(args),
          constrained_(plan.constrained()) {
        result_.loss_sum = args.loss_sum;
        result_.weight_sum = args.weight_sum;
    }

    // SPMD.
    void run(const Worker& worker) {
        if (!args_.unchanged) {
            plan_.refresh(worker);
            worker.barrier();
        }
        for (index_t s = 0, at = 0; at < args_.count; ++s, at += args_.batch_size) {
            Update<T> update = update_of(s);
            const bool watched = monitor_ != nullptr && monitor_->due(args_.step + std::uint64_t(s));
            if (watched) update.observed = monitor_->observed();
            const Step<T> step{std::min(args_.batch_size, args_.count - at),
                               true,
                               true,
                               true,
                               args_.seed,
                               args_.step + std::uint64_t(s),
                               &update};
            const double weight = LossHead<T>::batch_weight(data_, args_.order + at, step.rows);
            if (optimizer_.penalty_weight > 0.0) update.penalty = optimizer_.penalty_weight * reciprocal(weight);
            pass_rows(step, args_.order + at, weight, worker);
            worker.barrier();
            if (!settle(step, weight, worker)) break;
            if (watched) monitor_->before_update(plan_, step, worker);
            shares_.run(step, worker);
            worker.barrier();
            finish_update(update, worker);
            if (watched) monitor_->after_update(worker);
            if (monitor_ != nullptr && worker.id == 0) monitor_->note(step.number, last_loss_);
            if (stop_) break;
        }
    }

    const RunResult& result() const { return result_; }
    index_t last_rows() const { return last_rows_; }

private:
    Update<T> update_of(index_t s) const {
        Update<T> update;
        update.rule = plan_.kernels().update[int(optimizer_.kind)];
        update.args = update_args(optimizer_, args_.learning_rates[s], optimizer_.updates + s + 1);
        update.slot1 = optimizer_.slot1;
        update.slot2 = optimizer_.slot2;
        if (whole_ != nullptr) update.gradients = whole_->gradients();
        return update;
    }

    // This worker's rows forward, through the loss, and back.
    void pass_rows(const Step<T>& step, const std::int64_t* order, double weight, const Worker& worker) {
        const Rows own = step.share(worker);
        plan_.gather(data_.x, order + own.begin, own);
        plan_.loss().gather(data_, order + own.begin, own);
        plan_.forward(step, own, worker);
        plan_.loss().run(step, own, reciprocal(weight), true, worker);
        plan_.backward(step, own, worker);
        shares_.refill(worker);
    }

    // Whether the step's loss is finite and no host function failed. Every worker adds up the same numbers, so all of them leave together.
    bool settle(const Step<T>& step, double weight, const Worker& worker) {
        const double loss_sum = plan_.loss().loss_sum({0, step.rows});
        const double loss = loss_sum * reciprocal(weight);
        const bool finite = std::isfinite(loss_sum) && !failure_.failed();
        const bool leaps = finite && monitor_ != nullptr && monitor_->halts(loss);
        if (worker.id != 0) return finite && !leaps;
        last_rows_ = step.rows;
        last_loss_ = loss;
        result_.finite = finite;
        result_.leaps = leaps;
        if (finite && !leaps) {
            result_.steps += 1;
            result_.rows += step.rows;
            result_.loss_sum += loss_sum;
            result_.weight_sum += weight;
            result_.correct += plan_.loss().correct({0, step.rows});
        }
        stop_ = overdue(watch_.seconds());
        return finite && !leaps;
    }

    // Whether to leave after this step: the time is over, or somebody waits and the rest would take longer than coming back for it.
    bool overdue(double seconds) const {
        if (seconds > args_.budget) return true;
        if (!asked_to_leave(args_)) return false;
        return seconds * double(args_.count - result_.rows) > kComingBack * double(result_.rows);
    }

    void finish_update(const Update<T>& update, const Worker& worker) {
        if (whole_ != nullptr) {
            whole_->run(update, optimizer_.clipping, worker);
            worker.barrier();
            plan_.refresh(worker);
            worker.barrier();
        }
        if (constrained_) {
            plan_.constrain(worker);
            worker.barrier();
        }
    }

    Plan<T>& plan_;
    TaskShares<T> shares_;
    const Failure& failure_;
    WholeUpdate<T>* whole_;
    Monitor<T>* monitor_;
    const DataSet& data_;
    const OptimizerState<T>& optimizer_;
    const TrainArgs& args_;
    const bool constrained_;
    const Stopwatch watch_;
    RunResult result_;
    index_t last_rows_ = 0;
    double last_loss_ = 0.0;
    bool stop_ = false;  // written by worker 0 before the step's last barriers, read by all behind them
};

}  // namespace

template <class T>
RunResult Network<T>::stretch(Plan<T>& plan, int workers, const DataSet& data, const OptimizerState<T>& optimizer,
                              const TrainArgs& args) {
    Slice<T> slice(plan, workers, failure_, optimizer.clipping.on() ? whole_update_.get() : nullptr, monitor_.get(),
                   data, optimizer, args);
    run_team(workers, [&](const Worker& worker) { slice.run(worker); });
    failure_.rethrow();
    RunResult result = slice.result();
    if (!result.finite) result.bad_operation = first_bad_operation(program_, plan, slice.last_rows());
    return result;
}

template <class T>
RunResult Network<T>::train(const DataSet& data, const OptimizerState<T>& optimizer, const TrainArgs& args) {
    // By the full batch, even where this slice has only the short last one: the plan stays the same.
    const double flops = program_.flops_per_row(true) * double(args.batch_size);
    const int workers = useful_workers(args.threads, flops, kFlopsPerStep, args.batch_size);
    Plan<T>& p = plan({args.batch_size, workers, true, false, false, monitor_ != nullptr});
    p.loss().prepare(args.loss, data);
    if (optimizer.clipping.on() && !whole_update_)
        whole_update_ = std::make_unique<WholeUpdate<T>>(tensors_, parameter_elements_);
    TrainArgs rest = args;
    rest.unchanged = args.unchanged && last_trained_ == &p;
    last_trained_ = &p;
    // A large step's barriers cost nothing, and trying one worker would.
    if (workers == 1 || flops > kFlopsOfLargeStep) return stretch(p, workers, data, optimizer, rest);

    Stopwatch watch;
    RunResult total;
    total.loss_sum = args.loss_sum;
    total.weight_sum = args.weight_sum;
    OptimizerState<T> state = optimizer;
    const auto time_left = [&] { return watch.seconds() < args.budget && !asked_to_leave(args); };
    while (total.finite && !total.leaps && rest.count > 0 && (total.steps == 0 || time_left())) {
        const auto choice = team_choice_[{args.batch_size, workers}].next();
        const double left = args.budget - watch.seconds();
        rest.budget = choice.seconds > 0.0 ? std::min(choice.seconds, left) : left;
        const Stopwatch lap;
        const RunResult part = stretch(p, choice.team ? workers : 1, data, state, rest);
        team_choice_[{args.batch_size, workers}].note(choice.team, double(part.rows) / lap.seconds());
        total.add(part);
        rest.unchanged = true;
        rest.loss_sum = total.loss_sum;
        rest.weight_sum = total.weight_sum;
        rest.order += part.rows;
        rest.count -= part.rows;
        rest.learning_rates += part.steps;
        rest.step += std::uint64_t(part.steps);
        state.updates += part.steps;
    }
    return total;
}

template RunResult Network<float>::train(const DataSet&, const OptimizerState<float>&, const TrainArgs&);
template RunResult Network<double>::train(const DataSet&, const OptimizerState<double>&, const TrainArgs&);

}  // namespace steepest
