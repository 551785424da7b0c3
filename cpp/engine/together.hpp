// Many networks' work side by side in one parallel region: what one crew of workers does for one network does not depend on what the
// others do, so every network gets the bits it would get alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "engine/team_choice.hpp"

namespace steepest {

// Something to do for one network.
class Task {
public:
    virtual ~Task() = default;
    // By one crew of `threads` workers, whose leader calls. It takes about `seconds` at the most, where it can be cut, and ends soon
    // once `leave` is set. It keeps its own exceptions.
    virtual void run(int threads, double seconds, const std::atomic<bool>& leave) = 0;
    // Floating-point operations it comes to if it is not cut, about.
    virtual double flops() const = 0;
    // Of those, what has been done.
    virtual double flops_done() const = 0;
};

// Deals out the tasks in their order to `threads` workers: one each where there are as many tasks as workers, else a crew each. Whoever
// finds none left asks the others to leave: behind a finished task there is mostly another, which the caller alone knows. No task is
// begun after `budget` seconds, and no more workers are called than there is work for. Returns how many tasks were begun.
std::size_t run_together(const std::vector<Task*>& tasks, int threads, double budget);

// The same again and again, on all workers or on one alone, whichever gets more done: where other processes hold the cores, each call
// would wait for the worker that lost its own.
class Together {
public:
    std::size_t run(const std::vector<Task*>& tasks, int threads, double budget);

private:
    TeamChoice choice_;
};

}  // namespace steepest
