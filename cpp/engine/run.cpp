// The runs without an update: each opens one parallel region in which all workers walk the plan's operations together.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/network.hpp"
#include "engine/task_shares.hpp"
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
    const int workers = useful_workers(threads, program_.flops_per_row(true) * double(n), kFlopsPerRegion, n);
    Plan<T>& p = plan({n, workers, true, input_gradient.data != nullptr});
    p.loss().prepare(loss, data);
    const auto order = in_order(n);
    Update<T> update;
    update.gradients = gradients;
    const Step<T> step{n, training, false, true, seed, step_number, &update};
    const double weight = LossHead<T>::batch_weight(data, order.data(), n);
    TaskShares<T> shares(p.operations(), n, workers);

    run_team(workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        const Rows own = step.share(worker);
        p.gather(data.x, order.data() + own.begin, own);
        p.loss().gather(data, order.data() + own.begin, own);
        p.forward(step, own, worker);
        p.loss().run(step, own, reciprocal(weight), true, worker);
        p.backward(step, own, worker);
        shares.refill(worker);
        worker.barrier();
        shares.run(step, worker);
    });
    failure_.rethrow();
    const auto& dx = p.value(0).gradient;
    for (index_t r = 0; r < n && input_gradient.data != nullptr; ++r)
        std::memcpy(input_gradient.row(r), dx.row(r), std::size_t(dx.cols) * sizeof(T));
    return p.loss().loss_sum({0, n}) * reciprocal(weight);
}

// Every worker takes whole blocks of its rows to a part of the plan that is its own: no barriers. each(rows in the plan, first row in the
// data, worker) follows the forward pass of a block.
template <class T>
template <class Each>
void Network<T>::infer(Plan<T>& p, const SourceMatrix& x, const Each& each) {
    if (p.key().by_columns) return infer_columns(p, x, each);
    const index_t capacity = p.key().capacity / p.key().workers;
    run_team(p.key().workers, [&](const Worker& worker) {
        p.refresh(worker);
        worker.barrier();
        Step<T> step{};
        const index_t first = worker.id * capacity;
        index_t begin = 0;
        index_t end = 0;
        worker.share(x.rows, kRowChunk, &begin, &end);
        for (index_t row = begin; row < end; row += capacity) {
            const Rows own{first, first + std::min(capacity, end - row)};
            p.read_run(x, row, own, &step);
            p.forward(step, own, worker);
            each(own, row, worker);
        }
    });
    failure_.rethrow();
}

// Rows that are too few to be shared out: the workers divide what has to be read for them, the weights.
template <class T>
template <class Each>
void Network<T>::infer_columns(Plan<T>& p, const SourceMatrix& x, const Each& each) {
    run_team(p.key().workers, [&](const Worker& worker) {
        const Rows all{0, x.rows};
        p.refresh(worker);
        if (worker.id == 0) p.gather_run(x, 0, all);
        worker.barrier();
        p.forward_columns(Step<T>{}, all, worker);
        if (worker.id == 0) each(all, 0, worker);
    });
    failure_.rethrow();
}

template <class T>
Plan<T>& Network<T>::inference_plan(index_t n, index_t block, int threads) {
    const double weights = program_.flops_per_row(false) / 2.0 * double(sizeof(T));
    const int readers = n <= std::min(block, kRowChunk) ? useful_readers(threads, weights) : 1;
    if (readers > 1) return plan({kRowChunk, readers, false, false, true});
    const int workers = useful_workers(threads, program_.flops_per_row(false) * double(n), kFlopsPerRegion, n);
    // Enough rows for the panels of the weights to pay, few enough for the values to stay in the second-level cache.
    constexpr index_t most = 192;
    // A worker's rows in blocks of equal size: 500 rows are three of 176, not two of 192 and a rest that does not fill a tile.
    const index_t each = round_up(ceil_div(n, workers), kRowChunk);
    const index_t blocks = ceil_div(each, std::min(block, most));
    const index_t rows = round_up(ceil_div(each, blocks), kRowChunk);
    return plan({rows * workers, workers, false, false});
}

template <class T>
RunResult Network<T>::evaluate(const DataSet& data, const LossSpec& loss, index_t block, int threads) {
    const index_t n = data.x.rows;
    Plan<T>& p = inference_plan(n, block, threads);
    p.loss().prepare(loss, data);
    const auto order = in_order(n);
    // By chunk and added up in order: the same bits for any number of workers.
    std::vector<double> losses(static_cast<std::size_t>(ceil_div(n, kRowChunk)));
    std::vector<index_t> correct(losses.size());
    infer(p, data.x, [&](Rows own, index_t row, const Worker& worker) {
        p.loss().gather(data, order.data() + row, own);
        p.loss().run(Step<T>{}, own, 0.0, false, worker);
        for (index_t r = own.begin; r < own.end; r += kRowChunk, row += kRowChunk) {
            const Rows chunk{r, std::min(r + kRowChunk, own.end)};
            losses[std::size_t(row / kRowChunk)] = p.loss().loss_sum(chunk);
            correct[std::size_t(row / kRowChunk)] = p.loss().correct(chunk);
        }
    });
    RunResult result;
    result.rows = n;
    result.loss_sum = std::accumulate(losses.begin(), losses.end(), 0.0);
    result.weight_sum = LossHead<T>::batch_weight(data, order.data(), n);
    result.correct = std::accumulate(correct.begin(), correct.end(), index_t(0));
    result.finite = std::isfinite(result.loss_sum);
    return result;
}

template <class T>
void Network<T>::predict(const SourceMatrix& x, MatrixView<T> out, index_t block, int threads) {
    if (x.rows == 0) return;
    Plan<T>& p = inference_plan(x.rows, block, threads);
    const auto& y = p.output().data;
    infer(p, x, [&](Rows own, index_t row, const Worker& /*worker*/) {
        for (index_t r = own.begin; r < own.end; ++r, ++row)
            std::memcpy(out.row(row), y.row(r), std::size_t(y.cols) * sizeof(T));
    });
}

template <class T>
Plan<T>& Network<T>::forward(const SourceMatrix& x, bool training, std::uint64_t step_number, std::uint64_t seed,
                             int threads) {
    const index_t n = x.rows;
    const int workers = useful_workers(threads, program_.flops_per_row(false) * double(n), kFlopsPerRegion, n);
    Plan<T>& p = plan({n, workers, true, false, false, true});
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
