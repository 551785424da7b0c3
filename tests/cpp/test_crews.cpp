#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "core/crews.hpp"
#include "core/types.hpp"
#include "engine/together.hpp"
#include "test.hpp"

using namespace steepest;

TEST(crews_divide_the_workers) {
    for (const auto& [threads, crews, expected] : std::vector<std::tuple<int, int, std::multiset<int>>>{
             {1, 1, {1}}, {1, 5, {1}}, {2, 2, {1, 1}}, {5, 2, {2, 3}}, {4, 9, {1, 1, 1, 1}}, {3, 1, {3}}}) {
        testing::set_context("threads", threads, "crews", crews);
        std::mutex guard;
        std::multiset<int> sizes;
        run_crews(threads, crews, [&](int size) {
            const std::lock_guard<std::mutex> lock(guard);
            sizes.insert(size);
        });
        CHECK(sizes == expected);
    }
}

TEST(a_crew_is_its_leaders_team) {
    // Barriers inside a crew, again and again, and fewer workers than it has.
    std::atomic<int> wrong{0};
    std::atomic<int> leaders{0};
    run_crews(5, 2, [&](int size) {
        leaders.fetch_add(1);
        for (int round = 0; round < 200; ++round) {
            const int asked = 1 + round % 4;
            std::vector<int> seen(8, 0);
            run_team(asked, [&](const Worker& worker) {
                seen[std::size_t(worker.id)] = worker.count;
                worker.barrier();
                for (int i = 0; i < worker.count; ++i) wrong += seen[std::size_t(i)] != std::min(asked, size);
                // Inside there is no team left to call.
                run_team(3, [&](const Worker& inner) { wrong += inner.count != 1; });
            });
        }
    });
    CHECK_EQ(leaders.load(), 2);
    CHECK_EQ(wrong.load(), 0);
    // Outside it is the whole team's again.
    std::atomic<int> came{0};
    run_team(3, [&](const Worker&) { came.fetch_add(1); });
    CHECK_EQ(came.load(), 3);
}

TEST(exceptions_leave_crews_in_order) {
    std::atomic<int> ended{0};
    CHECK_THROWS(run_crews(4, 2,
                           [&](int) {
                               try {
                                   run_team(2, [](const Worker& worker) {
                                       if (worker.id == 1) throw std::runtime_error("a helper");
                                   });
                               } catch (const std::runtime_error&) {
                                   ended.fetch_add(1);
                                   throw;
                               }
                           }),
                 std::runtime_error);
    CHECK_EQ(ended.load(), 2);
}

namespace {

class Counting : public Task {
public:
    void run(int threads, double seconds, const std::atomic<bool>& leave) override {
        runs += 1;
        workers = threads;
        time = seconds;
        asked = leave.load();
    }
    double flops() const override { return work; }
    double flops_done() const override { return runs * work; }
    double work = 1e9;
    int runs = 0;
    int workers = 0;
    double time = -1.0;
    bool asked = false;
};

}  // namespace

TEST(tasks_are_run_once_each) {
    for (const int threads : {1, 2, 4}) {
        for (const int count : {1, 2, 3, 40}) {
            testing::set_context("threads", threads, "tasks", count);
            std::vector<Counting> tasks(std::size_t(count), Counting{});
            std::vector<Task*> all;
            for (auto& task : tasks) all.push_back(&task);
            CHECK_EQ(run_together(all, threads, 10.0), std::size_t(count));
            int once = 0;
            for (const auto& task : tasks) once += task.runs == 1 && task.time > 0.0 && task.time <= 10.0;
            CHECK_EQ(once, count);
            CHECK(tasks[0].workers >= std::min(threads, most_workers()) / count);
        }
    }
}

TEST(without_time_every_crew_begins_one) {
    std::vector<Counting> tasks(9, Counting{});
    std::vector<Task*> all;
    for (auto& task : tasks) all.push_back(&task);
    const std::size_t begun = run_together(all, 2, 0.0);
    CHECK_EQ(begun, std::size_t(2));
    for (std::size_t i = 0; i < tasks.size(); ++i) CHECK_EQ(tasks[i].runs, i < begun ? 1 : 0);
}

TEST(a_little_work_calls_no_second_worker) {
    std::vector<Counting> tasks(9, Counting{});
    std::vector<Task*> all;
    for (auto& task : tasks) {
        task.work = 1e3;
        all.push_back(&task);
    }
    // With one worker only the first is begun without time.
    CHECK_EQ(run_together(all, 4, 0.0), std::size_t(1));
}

TEST(together_tries_both_and_runs_all) {
    Together together;
    std::vector<Counting> tasks(12, Counting{});
    std::vector<Task*> waiting;
    for (auto& task : tasks) waiting.push_back(&task);
    int calls = 0;
    while (!waiting.empty() && ++calls < 100) {
        const std::size_t begun = together.run(waiting, 3, 1.0);
        CHECK(begun >= 1);
        waiting.erase(waiting.begin(), waiting.begin() + std::ptrdiff_t(begun));
    }
    for (const auto& task : tasks) CHECK_EQ(task.runs, 1);
}
