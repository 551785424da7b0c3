// The runs: each opens one parallel region in which all workers walk the plan's operations together.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/network.hpp"

namespace steepest {

namespace {

// Below this many floating-point operations per worker and step, meeting at the barriers costs more than a worker brings:
// two barriers and the lines that change cores are about half a microsecond, the work of 50,000 operations.
constexpr double kFlopsPerWorker = 50e3;

int useful_workers(int threads, double flops, index_t rows) {
    const double by_work = std::max(1.0, flops / kFlopsPerWorker);
    const double by_rows = double(ceil_div(rows, kRowChunk));
    return std::max(1, int(std::min({double(std::max(1, threads)), by_work, by_rows})));
}

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

template <class T>
int first_bad_operation(const Program& program, Plan<T>& plan, index_t rows) {
    if (!all_finite(plan.value(0).data, rows)) return -2;
    for (std::size_t i = 0; i < program.operations.size(); ++i)
        if (!all_finite(plan.value(program.operations[i].output).data, rows)) return int(i);
    return -1;
}

// Rows 0, 1, 2, ...
std::vector<std::int64_t> in_order(index_t n) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t(0));
    return order;
}

double reciprocal(double weight) { return weight > 0.0 ? 1.0 / weight : 0.0; }

}  // namespace

template <class T>
RunResult Network<T>::train(const DataSet& data, const OptimizerState<T>& optimizer, const TrainArgs& args) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const index_t batch = std::min(args.batch_size, args.count);
    const int workers = useful_workers(args.threads, program_.flops_per_row(true) * double(batch), batch);
    Plan<T>& p = plan({args.batch_size, workers, true, false});
    p.loss().prepare(args.loss, data);
    RunResult result;
    index_t last_rows = 0;
    bool stop = false;  // written by worker 0 between the two barriers of a step, read by all after the second

    run_team(workers, [&](const Worker& worker) {
        const auto tasks = p.tasks_of(worker.id, worker.count);
        p.refresh(worker);
        worker.barrier();
        for (index_t s = 0, at = 0; at < args.count; ++s, at += args.batch_size) {
            const std::int64_t* order = args.order + at;
            Update<T> update;
            update.rule = p.kernels().update[int(optimizer.kind)];
            update.args = update_args(optimizer, args.learning_rates[s], optimizer.updates + s + 1);
            update.slot1 = optimizer.slot1;
            update.slot2 = optimizer.slot2;
            const Step<T> step{std::min(args.batch_size, args.count - at), true, args.seed, args.step + std::uint64_t(s), &update};
            const double weight = LossHead<T>::batch_weight(data, order, step.rows);
            const Rows own = step.share(worker);
            p.gather(data.x, order + own.begin, own);
            p.loss().gather(data, order + own.begin, own);
            p.forward(step, own, worker);
            p.loss().run(own, reciprocal(weight), true);
            p.backward(step, own, worker);
            worker.barrier();

            // The same sum in every worker, so all of them leave together.
            const double loss_sum = p.loss().loss_sum({0, step.rows});
            const bool finite = std::isfinite(loss_sum);
            if (worker.id == 0) {
                last_rows = step.rows;
                result.finite = finite;
                if (finite) {
                    result.steps += 1;
                    result.rows += step.rows;
                    result.loss_sum += loss_sum;
                    result.weight_sum += weight;
                    result.correct += p.loss().correct({0, step.rows});
                }
                stop = std::chrono::duration<double>(Clock::now() - start).count() > args.budget;
            }
            if (!finite) break;
            for (const auto& run : tasks)
                for (index_t task = run.begin; task < run.end; ++task) run.operation->parameter_task(step, task, worker);
            worker.barrier();
            if (stop) break;
        }
    });
    if (!result.finite) result.bad_operation = first_bad_operation(program_, p, last_rows);
    return result;
}

template <class T>
double Network<T>::loss_and_gradients(const DataSet& data, Loss loss, bool training, std::uint64_t step_number, std::uint64_t seed,
                                      int threads, T* gradients, MatrixView<T> input_gradient) {
    const index_t n = data.x.rows;
    const int workers = useful_workers(threads, program_.flops_per_row(true) * double(n), n);
    Plan<T>& p = plan({n, workers, true, input_gradient.data != nullptr});
    p.loss().prepare(loss, data);
    const auto order = in_order(n);
    Update<T> update;
    update.gradients = gradients;
    const Step<T> step{n, training, seed, step_number, &update};
    const double weight = LossHead<T>::batch_weight(data, order.data(), n);

    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Rows own = step.share(worker);
        p.gather(data.x, order.data() + own.begin, own);
        p.loss().gather(data, order.data() + own.begin, own);
        p.forward(step, own, worker);
        p.loss().run(own, reciprocal(weight), true);
        p.backward(step, own, worker);
        worker.barrier();
        for (const auto& run : p.tasks_of(worker.id, worker.count))
            for (index_t task = run.begin; task < run.end; ++task) run.operation->parameter_task(step, task, worker);
    });
    const auto& dx = p.value(0).gradient;
    for (index_t r = 0; r < n && input_gradient.data != nullptr; ++r)
        std::memcpy(input_gradient.row(r), dx.row(r), std::size_t(dx.cols) * sizeof(T));
    return p.loss().loss_sum({0, n}) * reciprocal(weight);
}

// Every worker takes whole blocks of rows to a part of the plan that is its own: no barriers.
template <class T>
RunResult Network<T>::infer(const DataSet& data, const Loss* loss, MatrixView<T> out, index_t block, int threads) {
    const index_t n = data.x.rows;
    const index_t rows = round_up(std::min(std::max<index_t>(block, 1), std::max<index_t>(n, 1)), kRowChunk);
    const index_t blocks = ceil_div(n, rows);
    const double flops = program_.flops_per_row(false) * double(n);
    const int workers = int(std::min<index_t>(useful_workers(threads, flops, n), std::max<index_t>(blocks, 1)));
    Plan<T>& p = plan({rows * workers, workers, false, false});
    if (loss != nullptr) p.loss().prepare(*loss, data);
    std::vector<double> block_loss(static_cast<std::size_t>(blocks), 0.0);
    std::vector<index_t> block_correct(static_cast<std::size_t>(blocks), 0);

    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Step<T> step{};
        std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
        const index_t first = worker.id * rows;
        for (index_t b = worker.id; b < blocks; b += worker.count) {
            const Rows own{first, first + std::min(rows, n - b * rows)};
            std::iota(order.begin(), order.end(), std::int64_t(b * rows));
            p.gather(data.x, order.data(), own);
            p.forward(step, own, worker);
            if (loss != nullptr) {
                p.loss().gather(data, order.data(), own);
                p.loss().run(own, 0.0, false);
                block_loss[std::size_t(b)] = p.loss().loss_sum(own);
                block_correct[std::size_t(b)] = p.loss().correct(own);
            }
            const auto& y = p.output().data;
            for (index_t r = own.begin; r < own.end && out.data != nullptr; ++r)
                std::memcpy(out.row(b * rows + r - first), y.row(r), std::size_t(y.cols) * sizeof(T));
        }
    });
    RunResult result;
    result.rows = n;
    result.loss_sum = std::accumulate(block_loss.begin(), block_loss.end(), 0.0);
    result.correct = std::accumulate(block_correct.begin(), block_correct.end(), index_t(0));
    result.finite = std::isfinite(result.loss_sum);
    return result;
}

template <class T>
RunResult Network<T>::evaluate(const DataSet& data, Loss loss, index_t block, int threads) {
    RunResult result = infer(data, &loss, {}, block, threads);
    const auto order = in_order(data.weights == nullptr ? 0 : data.x.rows);
    result.weight_sum = LossHead<T>::batch_weight(data, order.data(), data.x.rows);
    return result;
}

template <class T>
void Network<T>::predict(const SourceMatrix& x, MatrixView<T> out, index_t block, int threads) {
    DataSet data;
    data.x = x;
    infer(data, nullptr, out, block, threads);
}

template <class T>
Plan<T>& Network<T>::forward(const SourceMatrix& x, bool training, std::uint64_t step_number, std::uint64_t seed, int threads) {
    const index_t n = x.rows;
    const int workers = useful_workers(threads, program_.flops_per_row(false) * double(n), n);
    Plan<T>& p = plan({n, workers, true, false});
    const auto order = in_order(n);
    const Step<T> step{n, training, seed, step_number, nullptr};
    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Rows own = step.share(worker);
        p.gather(x, order.data() + own.begin, own);
        p.forward(step, own, worker);
    });
    return p;
}

template class Network<float>;
template class Network<double>;

}  // namespace steepest
