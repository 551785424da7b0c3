#include "engine/together.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/crews.hpp"

namespace steepest {

namespace {

// Seconds of a region with large tasks, and of one that only tries how much gets done: a few of their steps.
constexpr double kRegion = 0.4;
constexpr double kProbe = 0.02;

}  // namespace

void Together::add(Task* task, bool first) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!large_ && task->large()) {
            large_ = true;
            until_ = after(kProbe);
        }
        if (first)
            waiting_.push_front(task);
        else
            waiting_.push_back(task);
    }
    changes_.note();
}

std::vector<Task*> Together::withdraw() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<Task*> taken(waiting_.begin(), waiting_.end());
    waiting_.clear();
    return taken;
}

void Together::run(std::size_t trainings, int threads, double seconds, const Turn& turn) {
    const auto workers = std::size_t(std::max(1, std::min(threads, most_workers())));
    trainings_ = trainings;
    turned_ = false;
    large_ = false;
    while (trainings_ > 0) {
        const std::size_t crews = std::min(trainings_, workers);
        if (!large_ || crews == 1) {
            until_ = Clock::time_point::max();
            work(workers, crews, seconds, turn);
            continue;
        }
        const auto choice = choice_.next();
        const auto start = Clock::now();
        until_ = after(choice.seconds > 0.0 ? kProbe : kRegion);
        work(workers, choice.team ? 1 : crews, seconds, turn);
        choice_.note(choice.team, work_done_ / std::chrono::duration<double>(Clock::now() - start).count());
    }
}

Together::Clock::time_point Together::after(double seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void Together::work(std::size_t workers, std::size_t crews, double seconds, const Turn& turn) {
    crews_ = std::vector<Crew>(crews);
    ending_ = false;
    work_done_ = 0.0;
    run_crews(int(workers), int(crews), [&](int number, int size) { serve(std::size_t(number), size, seconds, turn); });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Together::serve(std::size_t number, int size, double seconds, const Turn& turn) {
    std::vector<Task*> taken;
    for (;;) {
        if (number == 0) take_turn(turn);
        if (!take(number, &taken)) return;
        if (taken.empty()) continue;
        const std::atomic<bool>& leave = crews_[number].leave;
        const double most = std::min(seconds, crews_[number].seconds);
        if (taken.size() == 1)
            taken[0]->run(size, most, leave);
        else
            taken[0]->run_group(taken, size, most, leave);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            done_.insert(done_.end(), taken.begin(), taken.end());
            running_ -= taken.size();
            for (const Task* task : taken) work_done_ += task->work_done();
            crews_[number].group = false;
        }
        changes_.note();
    }
}

void Together::take_turn(const Turn& turn) {
    std::vector<Task*> done;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        done.swap(done_);
    }
    if (done.empty() && turned_) return;
    turned_ = true;
    try {
        const std::size_t left = turn(done);
        const std::lock_guard<std::mutex> lock(mutex_);
        trainings_ = left;
    } catch (...) {
        failure_ = std::current_exception();
    }
    // With fewer trainings than crews the workers are divided anew.
    if (failure_ || trainings_ < crews_.size()) end();
}

void Together::end() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    for (Crew& crew : crews_) crew.leave.store(true, std::memory_order_relaxed);
    changes_.note();
}

// Takes what is next; nothing where the caller is to have a turn. False: leave the region.
bool Together::take(std::size_t number, std::vector<Task*>* taken) {
    taken->clear();
    for (;;) {
        unsigned seen = 0;
        bool over = false;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (ending_) return false;
            if (number == 0 && !done_.empty()) return true;
            const double left = std::chrono::duration<double>(until_ - Clock::now()).count();
            if (left > 0.0 && !waiting_.empty()) {
                take_group(taken);
                crews_[number].seconds = left;
                crews_[number].group = taken->size() > 1;
                crews_[number].leave.store(false, std::memory_order_relaxed);
                return true;
            }
            // Each training that goes on has a task.
            if (number == 0 && waiting_.empty() && running_ == 0)
                failure_ = std::make_exception_ptr(std::logic_error("together: a training without a task"));
            over = left <= 0.0 || (number == 0 && failure_);
            if (!over) ask_for_work(number);
            seen = changes_.now();
        }
        if (over) {
            end();
            return false;
        }
        changes_.wait(seen);
    }
}

// The head of the queue and what goes with it, at most half of a worker's share, so that the workers stay balanced.
void Together::take_group(std::vector<Task*>* taken) {
    const std::size_t most = std::max<std::size_t>(1, trainings_ / (2 * crews_.size()));
    for (auto at = waiting_.begin(); at != waiting_.end() && taken->size() < most;) {
        const bool goes = taken->empty() || (*taken)[0]->goes_with(**at);
        if (goes) taken->push_back(*at);
        at = goes ? waiting_.erase(at) : at + 1;
    }
    running_ += taken->size();
}

// Nothing waits. Behind a task that is done there is mostly another, which the caller alone knows, so it should have its turn soon; and
// what a group has in hand can be divided.
void Together::ask_for_work(std::size_t number) {
    if (number != 0) crews_[0].leave.store(true, std::memory_order_relaxed);
    for (Crew& crew : crews_)
        if (crew.group) crew.leave.store(true, std::memory_order_relaxed);
}

}  // namespace steepest
