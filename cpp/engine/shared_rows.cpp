#include "engine/shared_rows.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "ops/sparse_rows.hpp"

namespace steepest {

namespace {

// Least steps of a block: the parameters and slots of another network have to come into the cache at its start.
constexpr index_t kSteps = 16;
// Bytes of a block: it stays in the second-level cache while the networks of a group pass it.
constexpr index_t kBlock = index_t(1) << 19;
// Floating-point operations per element of a row, above which fetching the row is not seen beside them.
constexpr double kFlopsPerElement = 4000.0;

bool same_source(const SourceMatrix& a, const SourceMatrix& b) {
    return a.type == b.type && a.base == b.base && a.rows == b.rows && a.cols == b.cols && a.row_bytes == b.row_bytes &&
           a.col_bytes == b.col_bytes && a.row_starts == b.row_starts && a.columns == b.columns &&
           a.entries == b.entries && a.wide_index == b.wide_index;
}

// Rows of a matrix one after the other, in the network's type.
template <class T>
class Gathered {
public:
    Gathered(index_t rows, index_t cols) : memory_(rows * cols), cols_(cols) {}

    SourceMatrix take(const KernelTable<T>& kernels, const SourceMatrix& from, const std::int64_t* order,
                      index_t count) {
        if (from.row_starts != nullptr)
            gather_sparse(from, order, count, memory_.data(), cols_);
        else
            kernels.gather(from.type, count, cols_, from.base, from.row_bytes, from.col_bytes, order, memory_.data(),
                           cols_);
        SourceMatrix block;
        block.type = source_of<T>();
        block.base = memory_.data();
        block.rows = count;
        block.cols = cols_;
        block.row_bytes = cols_ * index_t(sizeof(T));
        block.col_bytes = index_t(sizeof(T));
        return block;
    }

private:
    AlignedBuffer<T> memory_;
    index_t cols_;
};

// A block of rows as a data set of its own, whose order is 0, 1, 2, ...
template <class T>
class Block {
public:
    Block(const DataSet& data, index_t rows)
        : data_(data),
          x_(rows, data.x.cols),
          targets_(data.labels == nullptr ? rows : 0, data.targets.cols),
          labels_(data.labels == nullptr ? 0 : std::size_t(rows)),
          weights_(data.weights == nullptr ? 0 : std::size_t(rows)),
          order_(std::size_t(rows)) {
        std::iota(order_.begin(), order_.end(), std::int64_t(0));
    }

    DataSet take(const std::int64_t* rows, index_t count) {
        const auto& kernels = active_kernels<T>();
        DataSet block;
        block.x = x_.take(kernels, data_.x, rows, count);
        if (data_.labels == nullptr) block.targets = targets_.take(kernels, data_.targets, rows, count);
        for (index_t i = 0; i < count && data_.labels != nullptr; ++i) labels_[std::size_t(i)] = data_.labels[rows[i]];
        for (index_t i = 0; i < count && data_.weights != nullptr; ++i)
            weights_[std::size_t(i)] = data_.weights[rows[i]];
        if (data_.labels != nullptr) block.labels = labels_.data();
        if (data_.weights != nullptr) block.weights = weights_.data();
        return block;
    }
    const std::int64_t* order() const { return order_.data(); }

private:
    const DataSet& data_;
    Gathered<T> x_;
    Gathered<T> targets_;
    std::vector<std::int32_t> labels_;
    std::vector<double> weights_;
    std::vector<std::int64_t> order_;
};

// The next `count` rows of a slice.
template <class T>
void train_block(SharingSlice<T>& slice, const DataSet& block, const std::int64_t* order, index_t count, int threads) {
    TrainArgs args = slice.args;
    args.order = order;
    args.count = count;
    args.learning_rates += slice.result.steps;
    args.step += std::uint64_t(slice.result.steps);
    args.loss_sum = slice.result.loss_sum;
    args.weight_sum = slice.result.weight_sum;
    args.threads = threads;
    args.budget = 1e9;
    // Between two blocks nobody else comes to the network.
    args.unchanged = slice.args.unchanged || slice.result.steps > 0;
    args.leave = nullptr;
    OptimizerState<T> state = slice.optimizer;
    state.updates += slice.result.steps;
    try {
        const std::lock_guard<std::mutex> guard(*slice.lock);
        slice.result.add(slice.network->train(block, state, args));
    } catch (...) {
        slice.error = std::current_exception();
    }
}

template <class T>
bool goes_on(const SharingSlice<T>& slice) {
    return !slice.error && slice.result.finite && !slice.result.leaps;
}

}  // namespace

bool same_rows(const DataSet& data, const TrainArgs& args, const DataSet& other_data, const TrainArgs& other_args) {
    return args.order == other_args.order && args.count == other_args.count &&
           args.batch_size == other_args.batch_size && data.labels == other_data.labels &&
           data.weights == other_data.weights && same_source(data.x, other_data.x) &&
           same_source(data.targets, other_data.targets);
}

template <class T>
bool worth_sharing(const SharingSlice<T>& slice) {
    const Program& program = slice.network->program();
    const index_t cols = program.values[0];
    return slice.args.batch_size * kSteps * cols * index_t(sizeof(T)) <= 4 * kBlock &&
           program.flops_per_row(true) <= kFlopsPerElement * double(cols);
}

template <class T>
void train_sharing(const std::vector<SharingSlice<T>*>& slices, const DataSet& data, int threads, double seconds,
                   const std::atomic<bool>& leave) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const TrainArgs& common = slices[0]->args;
    for (SharingSlice<T>* slice : slices) {
        slice->result.loss_sum = slice->args.loss_sum;
        slice->result.weight_sum = slice->args.weight_sum;
    }
    const index_t batch_bytes = common.batch_size * data.x.cols * index_t(sizeof(T));
    const index_t rows = std::max(kSteps, kBlock / batch_bytes) * common.batch_size;
    Block<T> block(data, std::min(rows, common.count));
    for (index_t at = 0; at < common.count; at += rows) {
        const double passed = std::chrono::duration<double>(Clock::now() - start).count();
        if (at > 0 && (passed > seconds || leave.load(std::memory_order_relaxed))) return;
        const index_t count = std::min(rows, common.count - at);
        const DataSet part = block.take(common.order + at, count);
        for (SharingSlice<T>* slice : slices)
            if (goes_on(*slice)) train_block(*slice, part, block.order(), count, threads);
    }
}

#define STEEPEST_INSTANTIATE(T)                                                                    \
    template bool worth_sharing(const SharingSlice<T>&);                                           \
    template void train_sharing(const std::vector<SharingSlice<T>*>&, const DataSet&, int, double, \
                                const std::atomic<bool>&);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
