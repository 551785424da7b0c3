// Many networks' work side by side in one parallel region: what one crew of workers does for one network does not depend on what the
// others do, so every network gets the bits it would get alone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "core/changes.hpp"
#include "engine/team_choice.hpp"

namespace steepest {

// Something to do for one network.
class Task {
public:
    virtual ~Task() = default;
    // By one crew of `threads` workers, whose leader calls. It takes about `seconds` at the most, where it can be cut, and ends soon
    // once `leave` is set. It keeps its own exceptions.
    virtual void run(int threads, double seconds, const std::atomic<bool>& leave) = 0;
    // Whether the other reads the same rows in the same order, so that both may be done by one run_group().
    virtual bool goes_with(const Task& /*other*/) const { return false; }
    // Does `group`, whose first this is and whose others go with it.
    virtual void run_group(const std::vector<Task*>& /*group*/, int /*threads*/, double /*seconds*/,
                           const std::atomic<bool>& /*leave*/) {}
    // Whether its steps are so large that a crew of any size is as good at them, but for the caches.
    virtual bool large() const { return false; }
    // What has been done, in any unit common to all.
    virtual double work_done() const { return 0.0; }
};

// A queue of tasks and the workers that take them: one each where there are as many trainings as workers, else a crew each. What
// becomes of a task that is done, and which comes next, is the caller's matter: its thread is worker 0, and whenever some are done
// it has its `turn` between two tasks, while the other workers go on.
// The parameters of several large networks at once may not fit into the last cache, where those of one do. So with large tasks it is
// measured whether one crew of all workers, for one task after the other, gets more done.
class Together {
public:
    // Gets the tasks done since the last turn, adds what is next, and returns how many trainings there still are: each has one task
    // that waits, is run, or is done and has had no turn yet.
    using Turn = std::function<std::size_t(const std::vector<Task*>& done)>;

    // Into the queue, at its head or its end; from inside a turn.
    void add(Task* task, bool first);
    // Takes back those that nobody has begun; from inside a turn.
    std::vector<Task*> withdraw();
    // Runs tasks, about `seconds` each, until no training is left. The first turn gets no tasks and begins the `trainings`. What a turn
    // throws ends all and is thrown again when the tasks that were begun are done.
    void run(std::size_t trainings, int threads, double seconds, const Turn& turn);

private:
    using Clock = std::chrono::steady_clock;

    struct Crew {
        std::atomic<bool> leave{false};
        bool group = false;    // it has several tasks in hand
        double seconds = 0.0;  // for them, at the most
    };

    static Clock::time_point after(double seconds);
    // One region, up to `until_` or until the workers are to be divided anew.
    void work(std::size_t workers, std::size_t crews, double seconds, const Turn& turn);
    void serve(std::size_t number, int size, double seconds, const Turn& turn);
    void take_turn(const Turn& turn);
    bool take(std::size_t number, std::vector<Task*>* taken);
    void take_group(std::vector<Task*>* taken);
    void ask_for_work(std::size_t number);
    void end();

    std::mutex mutex_;  // of all below but the flags to leave
    std::deque<Task*> waiting_;
    std::vector<Task*> done_;
    std::size_t trainings_ = 0;
    std::size_t running_ = 0;
    std::vector<Crew> crews_;
    bool turned_ = false;  // the first turn was had
    bool ending_ = false;  // the region, so that the workers can be divided anew
    bool large_ = false;   // there was a large task
    Clock::time_point until_;
    double work_done_ = 0.0;
    std::exception_ptr failure_;
    Changes changes_;
    TeamChoice choice_;
};

}  // namespace steepest
