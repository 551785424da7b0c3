#include "core/crews.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/changes.hpp"

namespace steepest {

namespace {

thread_local Crew* led = nullptr;

// Whom the calling thread leads, while this lives.
class Leading {
public:
    explicit Leading(Crew* crew) : before_(led) { led = crew; }
    ~Leading() { led = before_; }
    Leading(const Leading&) = delete;
    Leading& operator=(const Leading&) = delete;

private:
    Crew* before_;
};

// Helpers wait for a call, do the work with the leader, and meet it at the gate.
class OneCrew : public Crew {
public:
    explicit OneCrew(int size) : size_(size), gate_(size) {}

    void run(int threads, const std::function<void(const Worker&)>& work) override {
        const Leading nobody(nullptr);  // inside the work there is no team to call
        const int count = std::max(1, std::min(threads, size_));
        Barrier shared(count);
        if (count == 1) return work(Worker{0, 1, &shared});
        work_ = &work;
        count_ = count;
        shared_ = &shared;
        calls_.note();
        take_part(0);
        gate_.wait();
        work_ = nullptr;
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    void lead(int number, const std::function<void(int, int)>& leader) {
        const Leading this_one(this);
        try {
            leader(number, size_);
        } catch (...) {
            dismiss();
            throw;
        }
        dismiss();
    }

    void help(int id) {
        // The gate lets nobody miss a call.
        for (unsigned call = 0;; ++call) {
            calls_.wait(call);
            if (work_ == nullptr) return;
            if (id < count_) take_part(id);
            gate_.wait();
        }
    }

private:
    void take_part(int id) {
        try {
            (*work_)(Worker{id, count_, shared_});
        } catch (...) {
            const std::lock_guard<std::mutex> lock(guard_);
            if (!failure_) failure_ = std::current_exception();
        }
    }
    // A call without work lets the helpers go.
    void dismiss() { calls_.note(); }

    const int size_;
    Changes calls_;
    Barrier gate_;
    const std::function<void(const Worker&)>* work_ = nullptr;
    int count_ = 1;
    Barrier* shared_ = nullptr;
    std::mutex guard_;
    std::exception_ptr failure_;
};

}  // namespace

Crew* Crew::of_this_thread() { return led; }

void run_crews(int threads, int crews, const std::function<void(int number, int size)>& lead) {
    if (crews >= threads) {
        // Nobody has to wait for a worker that has not come yet.
        return run_team(threads, [&](const Worker& worker) { OneCrew(1).lead(worker.id, lead); });
    }
    std::vector<std::unique_ptr<OneCrew>> made;
    std::vector<int> first;
    run_team(threads, [&](const Worker& worker) {
        // By the workers that came, who may be fewer than were asked for.
        if (worker.id == 0) {
            const int count = std::min(crews, worker.count);
            for (int c = 0; c <= count; ++c) first.push_back(c * worker.count / count);
            for (int c = 0; c < count; ++c)
                made.push_back(std::make_unique<OneCrew>(first[std::size_t(c) + 1] - first[std::size_t(c)]));
        }
        worker.barrier();
        std::size_t c = 0;
        while (first[c + 1] <= worker.id) ++c;
        if (worker.id == first[c])
            made[c]->lead(int(c), lead);
        else
            made[c]->help(worker.id - first[c]);
    });
}

}  // namespace steepest
