#include "engine/together.hpp"

#include <algorithm>
#include <chrono>

#include "core/crews.hpp"
#include "engine/workers.hpp"

namespace steepest {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::size_t run_together(const std::vector<Task*>& tasks, int threads, double budget) {
    const auto start = Clock::now();
    const auto left = [&] { return budget - seconds_since(start); };
    std::atomic<bool> leave{false};
    if (tasks.size() == 1) {
        tasks[0]->run(threads, budget, leave);
        return 1;
    }
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> begun{0};
    double flops = 0.0;
    for (const Task* task : tasks) flops += task->flops();
    const int workers = useful_workers(threads, flops, kFlopsPerRegion, kRowChunk * threads);
    run_crews(workers, int(std::min<std::size_t>(tasks.size(), std::size_t(workers))), [&](int size) {
        // Every crew begins one, so that a budget of nothing gets somewhere, too.
        for (bool first = true; first || left() > 0.0; first = false) {
            const std::size_t i = next.fetch_add(1);
            if (i >= tasks.size()) {
                leave.store(true, std::memory_order_relaxed);
                return;
            }
            begun.fetch_add(1);
            tasks[i]->run(size, std::max(0.0, left()), leave);
        }
    });
    return begun.load();
}

std::size_t Together::run(const std::vector<Task*>& tasks, int threads, double budget) {
    // One task alone makes its own choice.
    if (tasks.size() == 1 || threads == 1) return run_together(tasks, threads, budget);
    const auto start = Clock::now();
    const auto choice = choice_.next();
    const double seconds = choice.seconds > 0.0 ? std::min(choice.seconds, budget) : budget;
    const std::size_t begun = run_together(tasks, choice.team ? threads : 1, seconds);
    double flops = 0.0;
    for (std::size_t i = 0; i < begun; ++i) flops += tasks[i]->flops_done();
    choice_.note(choice.team, flops / seconds_since(start));
    return begun;
}

}  // namespace steepest
