#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include "core/changes.hpp"
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
        std::set<int> numbers;
        const auto caller = std::this_thread::get_id();
        run_crews(threads, crews, [&](int number, int size) {
            const std::lock_guard<std::mutex> lock(guard);
            sizes.insert(size);
            numbers.insert(number);
            CHECK_EQ(number == 0, std::this_thread::get_id() == caller);
        });
        CHECK(sizes == expected);
        CHECK_EQ(numbers.size(), expected.size());
        CHECK_EQ(*numbers.rbegin(), int(expected.size()) - 1);
    }
}

TEST(a_crew_is_its_leaders_team) {
    // Barriers inside a crew, again and again, and fewer workers than it has.
    std::atomic<int> wrong{0};
    std::atomic<int> leaders{0};
    run_crews(5, 2, [&](int /*number*/, int size) {
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

TEST(who_waits_long_sleeps_and_is_woken) {
    Changes changes;
    int written = 0;
    std::thread waiting([&] {
        for (unsigned seen = 0; seen < 3; ++seen) changes.wait(seen);
    });
    for (int round = 0; round < 3; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        written += 1;
        changes.note();
    }
    waiting.join();
    CHECK_EQ(changes.now(), 3u);
    CHECK_EQ(written, 3);
}

TEST(a_crew_waits_for_a_leader_who_is_busy_otherwise) {
    std::atomic<int> came{0};
    run_crews(3, 1, [&](int, int) {
        for (int round = 0; round < 3; ++round) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            run_team(3, [&](const Worker& worker) {
                came.fetch_add(1);
                worker.barrier();
            });
        }
    });
    CHECK_EQ(came.load(), 9);
}

TEST(exceptions_leave_crews_in_order) {
    std::atomic<int> ended{0};
    CHECK_THROWS(run_crews(4, 2,
                           [&](int, int) {
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

// Takes a while, or until it is asked to leave.
class Counting : public Task {
public:
    void run(int threads, double seconds, const std::atomic<bool>& leave) override {
        const auto start = std::chrono::steady_clock::now();
        while (!leave.load() && std::chrono::steady_clock::now() - start < takes) std::this_thread::yield();
        left = leave.load();
        runs += 1;
        workers = threads;
        time = seconds;
        ran_on = std::this_thread::get_id();
        if (by_all != nullptr && workers > 2) by_all->fetch_add(1);
        if (counter != nullptr) counter->fetch_add(1);
    }
    bool goes_with(const Task& other) const override {
        return rows != 0 && static_cast<const Counting&>(other).rows == rows;
    }
    void run_group(const std::vector<Task*>& group, int threads, double seconds,
                   const std::atomic<bool>& leave) override {
        for (Task* task : group) {
            task->run(threads, seconds, leave);
            static_cast<Counting*>(task)->together = group.size();
        }
    }
    bool large() const override { return many != 0; }
    double work_done() const override { return workers > 2 ? many / 100.0 : 1.0; }
    int many = 0;  // large; per cent of the work that a crew of more than two gets done
    std::atomic<int>* by_all = nullptr;
    std::chrono::microseconds takes{0};
    int rows = 0;  // which others it goes with
    int runs = 0;
    int workers = 0;
    double time = -1.0;
    bool left = false;
    std::size_t together = 1;
    std::thread::id ran_on;
    std::atomic<int>* counter = nullptr;
};

// Every task again and again, as a training of so many epochs.
struct Trainings {
    explicit Trainings(int count) : tasks(std::size_t(count)) {}

    std::size_t turn(Together& together, const std::vector<Task*>& done) {
        turns += 1;
        callers.insert(std::this_thread::get_id());
        if (!begun) {
            for (Counting& task : tasks) together.add(&task, false);
            ended = tasks.size() * (epochs == 0 ? 1 : 0);
        }
        begun = true;
        for (Task* task : done) {
            if (static_cast<Counting*>(task)->runs == epochs)
                ended += 1;
            else
                together.add(task, false);
        }
        return tasks.size() - ended;
    }
    void run(int threads) {
        Together together;
        together.run(tasks.size(), threads, 10.0, [&](const std::vector<Task*>& done) { return turn(together, done); });
    }

    std::vector<Counting> tasks;
    int epochs = 1;
    bool begun = false;
    std::size_t ended = 0;
    int turns = 0;
    std::set<std::thread::id> callers;
};

}  // namespace

TEST(tasks_are_run_until_no_training_is_left) {
    for (const int threads : {1, 2, 4}) {
        for (const int count : {1, 2, 3, 40}) {
            for (const int epochs : {1, 7}) {
                testing::set_context("threads", threads, "tasks", count, "epochs", epochs);
                Trainings trainings(count);
                trainings.epochs = epochs;
                trainings.run(threads);
                int right = 0;
                for (const auto& task : trainings.tasks) right += task.runs == epochs && task.time == 10.0;
                CHECK_EQ(right, count);
                CHECK(trainings.callers == std::set<std::thread::id>{std::this_thread::get_id()});
            }
        }
    }
}

TEST(other_workers_go_on_during_a_turn) {
    if (most_workers() < 2) return;
    // A turn that lasts until the tasks have been run, which can only be by somebody else.
    Together together;
    std::vector<Counting> tasks(5);
    std::atomic<int> count{0};
    for (Counting& task : tasks) task.counter = &count;
    std::size_t seen = 0;
    const auto caller = std::this_thread::get_id();
    together.run(tasks.size(), 2, 10.0, [&](const std::vector<Task*>& done) {
        seen += done.size();
        if (seen > 0) return tasks.size() - seen;
        for (Counting& task : tasks) together.add(&task, false);
        while (count.load() < int(tasks.size())) std::this_thread::yield();
        return tasks.size();
    });
    for (const Counting& task : tasks) CHECK(task.ran_on != caller);
}

TEST(few_trainings_get_crews) {
    Trainings trainings(2);
    // Long enough for the other to end before, also on a busy machine.
    trainings.tasks[0].takes = std::chrono::milliseconds(100);
    trainings.epochs = 5;
    trainings.run(5);
    // One has ended before the other, who then has all workers.
    CHECK_EQ(std::max(trainings.tasks[0].workers, trainings.tasks[1].workers), std::min(5, most_workers()));
}

TEST(large_tasks_get_the_crews_that_get_more_done) {
    // Two crews of two or one of four, which does 100 times or a hundredth of the work in the time of one task.
    if (most_workers() < 4) return;
    for (const int percent : {10000, 1}) {
        testing::set_context("percent", percent);
        Trainings trainings(2);
        trainings.epochs = 200;
        std::atomic<int> by_all{0};
        for (Counting& task : trainings.tasks) {
            task.many = percent;
            task.takes = std::chrono::microseconds(2000);
            task.by_all = &by_all;
        }
        trainings.run(4);
        for (const Counting& task : trainings.tasks) CHECK_EQ(task.runs, 200);
        const int share = by_all.load() * 100 / 400;
        if (percent > 100) CHECK(share > 60);
        if (percent < 100) CHECK(share < 30);
    }
}

TEST(what_goes_together_is_run_in_groups) {
    Trainings trainings(16);
    for (std::size_t i = 0; i < 16; ++i) trainings.tasks[i].rows = int(i % 2) + 1;
    trainings.epochs = 3;
    trainings.run(1);
    for (const auto& task : trainings.tasks) {
        CHECK(task.together > 1);
        CHECK(task.together <= 8);
    }
}

TEST(a_turn_that_throws_ends_all) {
    for (const int threads : {1, 3}) {
        Together together;
        std::vector<Counting> tasks(6);
        int turns = 0;
        CHECK_THROWS(together.run(tasks.size(), threads, 10.0,
                                  [&](const std::vector<Task*>&) -> std::size_t {
                                      if (++turns == 2) throw std::runtime_error("a callback");
                                      for (Counting& task : tasks) together.add(&task, false);
                                      return tasks.size();
                                  }),
                     std::runtime_error);
        CHECK_EQ(turns, 2);
        // A training without a task would wait for ever.
        Together forgetful;
        CHECK_THROWS(forgetful.run(1, threads, 10.0, [](const std::vector<Task*>&) { return std::size_t(1); }),
                     std::logic_error);
    }
}
