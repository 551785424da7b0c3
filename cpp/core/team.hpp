// The worker team: the only place that knows OpenMP. run() opens one parallel region in which every worker calls the same
// function (SPMD); inside it workers meet at barriers that spin briefly and then yield.
#pragma once

#include <atomic>
#include <functional>

#include "core/types.hpp"

namespace steepest {

// Meets `count` workers again and again. Sense-reversing; a measured 90 ns inside one region against 350 ns for libgomp's, and the
// yield keeps an oversubscribed machine moving.
class Barrier {
public:
    explicit Barrier(int count) : count_(count), waiting_(0), round_(0) {}
    // Every worker may say how many there are, as long as all say the same, before it waits for the first time.
    void expect(int count) { count_.store(count, std::memory_order_relaxed); }
    void wait();

private:
    std::atomic<int> count_;
    alignas(kAlignment) std::atomic<int> waiting_;
    alignas(kAlignment) std::atomic<int> round_;
};

struct Worker {
    int id;
    int count;
    Barrier* shared;

    void barrier() const {
        if (count > 1) shared->wait();
    }
    // This worker's share of [0, n) in units of `unit`: contiguous, sizes differing by at most one unit.
    void share(index_t n, index_t unit, index_t* begin, index_t* end) const;
};

// Runs `work` on `threads` workers (at least 1), the caller being worker 0, with denormals flushed to zero and the caller's
// floating-point mode restored afterwards. One worker inside an outer parallel region and in a forked child (OpenMP's pool does not
// survive fork). The first exception of any worker is thrown again here; `work` must then not leave others at a barrier.
void run_team(int threads, const std::function<void(const Worker&)>& work);

// What CPU affinity and the cgroup quota grant. Workers beyond that take each other's core at every barrier and change no result, so a
// run uses no more; with STEEPEST_OVERSUBSCRIBE=1 in the environment it does, so that tests see many workers on a small machine.
int most_workers();
// What OMP_NUM_THREADS allows, too.
int available_threads();
// The process-wide default number of workers; 0 restores available_threads().
void set_default_threads(int threads);
int default_threads();

}  // namespace steepest
