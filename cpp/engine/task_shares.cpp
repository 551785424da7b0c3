#include "engine/task_shares.hpp"

#include <algorithm>

namespace steepest {

namespace {

// So many of them, the owner's last, are not worth carrying their weights to another core.
constexpr std::uint64_t kOwnersLast = 3;

constexpr std::uint64_t range(std::uint64_t first, std::uint64_t end) { return end << 32 | first; }

}  // namespace

template <class T>
TaskShares<T>::TaskShares(const std::vector<std::unique_ptr<Operation<T>>>& operations, index_t rows, int workers)
    : shares_(std::size_t(workers)) {
    struct Costed {
        Task task;
        double cost;
    };
    std::vector<Costed> all, small;
    double most = 0.0, total = 0.0, of_large = 0.0, at = 0.0;
    for (const auto& op : operations)
        for (index_t task = 0; task < op->parameter_tasks(); ++task) most = std::max(most, op->task_cost(rows, task));
    for (const auto& op : operations) {
        for (index_t task = 0; task < op->parameter_tasks(); ++task) {
            const double cost = op->task_cost(rows, task);
            const bool large = cost >= 0.5 * most;
            (large ? all : small).push_back({{op.get(), task}, cost});
            (large ? of_large : total) += cost;
        }
    }
    total += of_large;
    // Small ones stand in the middle, where two workers' shares meet: a large one is too coarse to cut them to equal costs.
    std::size_t middle = 0;
    for (; middle < all.size() && at + all[middle].cost <= 0.5 * of_large; ++middle) at += all[middle].cost;
    all.insert(all.begin() + std::ptrdiff_t(middle), small.begin(), small.end());
    // A task belongs to the share that its middle lies in.
    std::size_t share = 0;
    at = 0.0;
    for (const auto& one : all) {
        for (; share + 1 < shares_.size() && at + 0.5 * one.cost >= total * double(share + 1) / workers; ++share)
            shares_[share].end = shares_[share + 1].first = tasks_.size();
        tasks_.push_back(one.task);
        at += one.cost;
    }
    shares_[share].end = tasks_.size();
}

template <class T>
void TaskShares<T>::refill(const Worker& worker) {
    for (std::size_t i = std::size_t(worker.id); i < shares_.size(); i += std::size_t(worker.count)) {
        Share& share = shares_[i];
        share.left.store(range(share.open(worker.count), share.end), std::memory_order_relaxed);
    }
}

template <class T>
void TaskShares<T>::run_one(std::size_t task, const Step<T>& step, const Worker& worker) {
    tasks_[task].operation->parameter_task(step, tasks_[task].number, worker);
}

// The owner takes the first task that is left, everybody else the last.
template <class T>
void TaskShares<T>::run_left(Share& share, bool own, const Step<T>& step, const Worker& worker) {
    std::uint64_t left = share.left.load(std::memory_order_relaxed);
    for (;;) {
        const std::uint64_t first = left & 0xffffffffu, end = left >> 32;
        if (first + (own ? 0 : kOwnersLast) >= end) return;
        const std::uint64_t rest = own ? range(first + 1, end) : range(first, end - 1);
        if (!share.left.compare_exchange_weak(left, rest, std::memory_order_relaxed)) continue;
        run_one(own ? first : end - 1, step, worker);
        left = share.left.load(std::memory_order_relaxed);
    }
}

template <class T>
void TaskShares<T>::run(const Step<T>& step, const Worker& worker) {
    // Where fewer workers came than were asked for, each owns several shares.
    const std::size_t count = shares_.size(), each = std::size_t(worker.count);
    for (std::size_t i = std::size_t(worker.id); i < count; i += each) {
        Share& share = shares_[i];
        for (std::size_t task = share.first; task < share.open(worker.count); ++task) run_one(task, step, worker);
        run_left(share, true, step, worker);
    }
    for (std::size_t i = 1; i < count; ++i) {
        const std::size_t other = (std::size_t(worker.id) + i) % count;
        if (other % each != std::size_t(worker.id)) run_left(shares_[other], false, step, worker);
    }
}

template class TaskShares<float>;
template class TaskShares<double>;

}  // namespace steepest
