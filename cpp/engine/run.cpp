// The runs without an update: each opens one parallel region in which all workers walk the plan's operations together.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/network.hpp"
#include "engine/workers.hpp"

namespace steepest {

namespace {

// Rows 0, 1, 2, ...
std::vector<std::int64_t> in_order(index_t n) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t(0));
    return order;
}

}  // namespace

template <class T>
double Network<T>::loss_and_gradients(const DataSet& data, const LossSpec& loss, bool training,
                                      std::uint64_t step_number, std::uint64_t seed, int threads, T* gradients,
                                      MatrixView<T> input_gradient) {
    const index_t n = data.x.rows;
    const int workers = useful_workers(threads, program_.flops_per_row(true) * double(n), n);
    Plan<T>& p = plan({n, workers, true, input_gradient.data != nullptr});
    p.loss().prepare(loss, data);
    const auto order = in_order(n);
    Update<T> update;
    update.gradients = gradients;
    const Step<T> step{n, training, false, true, seed, step_number, &update};
    const double weight = LossHead<T>::batch_weight(data, order.data(), n);

    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Rows own = step.share(worker);
        p.gather(data.x, order.data() + own.begin, own);
        p.loss().gather(data, order.data() + own.begin, own);
        p.forward(step, own, worker);
        p.loss().run(step, own, reciprocal(weight), true, worker);
        p.backward(step, own, worker);
        worker.barrier();
        for (const auto& run : p.tasks_of(worker.id, worker.count))
            for (index_t task = run.begin; task < run.end; ++task) run.operation->parameter_task(step, task, worker);
    });
    failure_.rethrow();
    const auto& dx = p.value(0).gradient;
    for (index_t r = 0; r < n && input_gradient.data != nullptr; ++r)
        std::memcpy(input_gradient.row(r), dx.row(r), std::size_t(dx.cols) * sizeof(T));
    return p.loss().loss_sum({0, n}) * reciprocal(weight);
}

// Every worker takes whole blocks of rows to a part of the plan that is its own: no barriers.
template <class T>
RunResult Network<T>::infer(const DataSet& data, const LossSpec* loss, MatrixView<T> out, index_t block, int threads) {
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
                p.loss().run(step, own, 0.0, false, worker);
                block_loss[std::size_t(b)] = p.loss().loss_sum(own);
                block_correct[std::size_t(b)] = p.loss().correct(own);
            }
            const auto& y = p.output().data;
            for (index_t r = own.begin; r < own.end && out.data != nullptr; ++r)
                std::memcpy(out.row(b * rows + r - first), y.row(r), std::size_t(y.cols) * sizeof(T));
        }
    });
    failure_.rethrow();
    RunResult result;
    result.rows = n;
    result.loss_sum = std::accumulate(block_loss.begin(), block_loss.end(), 0.0);
    result.correct = std::accumulate(block_correct.begin(), block_correct.end(), index_t(0));
    result.finite = std::isfinite(result.loss_sum);
    return result;
}

template <class T>
RunResult Network<T>::evaluate(const DataSet& data, const LossSpec& loss, index_t block, int threads) {
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
Plan<T>& Network<T>::forward(const SourceMatrix& x, bool training, std::uint64_t step_number, std::uint64_t seed,
                             int threads) {
    const index_t n = x.rows;
    const int workers = useful_workers(threads, program_.flops_per_row(false) * double(n), n);
    Plan<T>& p = plan({n, workers, true, false});
    const auto order = in_order(n);
    const Step<T> step{n, training, false, true, seed, step_number, nullptr};
    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Rows own = step.share(worker);
        p.gather(x, order.data() + own.begin, own);
        p.forward(step, own, worker);
    });
    failure_.rethrow();
    return p;
}

#define STEEPEST_INSTANTIATE(T)                                                                          \
    template double Network<T>::loss_and_gradients(const DataSet&, const LossSpec&, bool, std::uint64_t, \
                                                   std::uint64_t, int, T*, MatrixView<T>);               \
    template RunResult Network<T>::evaluate(const DataSet&, const LossSpec&, index_t, int);              \
    template void Network<T>::predict(const SourceMatrix&, MatrixView<T>, index_t, int);                 \
    template Plan<T>& Network<T>::forward(const SourceMatrix&, bool, std::uint64_t, std::uint64_t, int);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
