// Every task of the parameter phase is done once in every step, whoever does it.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "engine/task_shares.hpp"
#include "test.hpp"

using namespace steepest;

namespace {

using Count = std::vector<std::atomic<int>>;

class Counting : public Operation<float> {
public:
    Counting(Count* done, const std::function<void(const Worker&)>& before)
        : Operation<float>(active_kernels<float>()), done_(done), before_(before) {}
    void forward(const Step<float>&, Rows, const Worker&) override {}
    void backward(const Step<float>&, Rows, const Worker&) override {}
    index_t parameter_tasks() const override { return index_t(done_->size()); }
    double task_cost(index_t, index_t task) const override { return task % 5 == 0 ? 0.2 : 1.0; }
    void parameter_task(const Step<float>&, index_t task, const Worker& worker) override {
        before_(worker);
        (*done_)[std::size_t(task)].fetch_add(1);
    }

private:
    Count* done_;
    std::function<void(const Worker&)> before_;
};

void run_steps(int steps, int shares, int workers, Count* done, const std::function<void(const Worker&)>& before) {
    std::vector<std::unique_ptr<Operation<float>>> operations;
    operations.push_back(std::make_unique<Counting>(done, before));
    TaskShares<float> task_shares(operations, 16, shares);
    run_team(workers, [&](const Worker& worker) {
        for (int step = 0; step < steps; ++step) {
            task_shares.refill(worker);
            worker.barrier();
            task_shares.run(Step<float>{}, worker);
            worker.barrier();
        }
    });
}

}  // namespace

TEST(every_task_is_done_once_in_a_step) {
    for (const int shares : {1, 2, 3, 7})
        for (int workers = 1; workers <= shares; ++workers)
            for (const int tasks : {0, 1, 5, 290}) {
                testing::set_context("shares", shares, "workers", workers, "tasks", tasks);
                Count done(static_cast<std::size_t>(tasks));
                run_steps(20, shares, workers, &done, [](const Worker&) {});
                for (const auto& times : done) CHECK_EQ(times.load(), 20);
            }
}

TEST(tasks_of_a_slow_worker_are_done_by_another) {
    constexpr int tasks = 290;
    Count done(tasks);
    std::atomic<int> by_other{0};
    bool helped = false, met = false;
    const auto before = [&](const Worker& worker) {
        if (worker.count == 1) return;
        if (worker.id == 1) by_other.fetch_add(1);
        if (worker.id != 0 || met) return;
        met = true;  // worker 0 has its first task, and keeps it until the other has done more than its own half
        const auto start = std::chrono::steady_clock::now();
        while (by_other.load() <= tasks / 2 && std::chrono::steady_clock::now() - start < std::chrono::seconds(60))
            std::this_thread::yield();
        helped = by_other.load() > tasks / 2;
    };
    run_steps(1, 2, 2, &done, before);
    CHECK_EQ(helped, met);
    for (const auto& times : done) CHECK_EQ(times.load(), 1);
}
