#include "core/team.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>

#include "core/crews.hpp"
#include "core/float_mode.hpp"
#include "core/wait.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <sched.h>
#endif

namespace steepest {

namespace {

// libgomp's pool does not survive fork(): a parallel region in the child would wait for threads that are not there.
std::atomic<bool> in_forked_child{false};

void watch_for_fork() {
#if defined(__unix__) || defined(__APPLE__)
    static std::once_flag once;
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { in_forked_child.store(true); }); });
#endif
}

// CPUs granted by the cgroup's quota (version 2, then version 1), or a large number where there is none.
int cgroup_cpus() {
    double quota = -1.0;
    double period = 0.0;
    std::ifstream unified("/sys/fs/cgroup/cpu.max");
    std::string text;
    if (unified >> text >> period) {
        if (text != "max") quota = std::atof(text.c_str());
    } else {
        std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
        std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
    }
    if (quota <= 0.0 || period <= 0.0) return 1 << 20;
    return std::max(1, int(quota / period + 0.5));
}

int affinity_cpus() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return omp_get_num_procs();
}

int granted_cpus() {
    static const int granted = std::max(1, std::min(affinity_cpus(), cgroup_cpus()));
    return granted;
}

std::atomic<int> chosen_threads{0};

}  // namespace

void Barrier::wait() {
    const int round = round_.load(std::memory_order_acquire);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_.load(std::memory_order_relaxed)) {
        waiting_.store(0, std::memory_order_relaxed);
        round_.store(round + 1, std::memory_order_release);
        return;
    }
    const auto changed = [&] { return round_.load(std::memory_order_acquire) != round; };
    if (look_for(changed)) return;
    while (!changed()) yield_cpu();
}

void Worker::share(index_t n, index_t unit, index_t* begin, index_t* end) const {
    const index_t units = ceil_div(n, unit);
    const index_t each = units / count;
    const index_t more = units % count;
    const index_t first = id * each + std::min<index_t>(id, more);
    *begin = std::min(n, first * unit);
    *end = std::min(n, (first + each + (id < more ? 1 : 0)) * unit);
}

void run_team(int threads, const std::function<void(const Worker&)>& work) {
    if (Crew* crew = Crew::of_this_thread()) return crew->run(threads, work);
    watch_for_fork();
    if (threads <= 1 || omp_in_parallel() || in_forked_child.load()) {
        FlushDenormals flush;
        Barrier alone(1);
        work(Worker{0, 1, &alone});
        return;
    }
    std::exception_ptr failure;
    std::mutex guard;
    Barrier shared(threads);
#pragma omp parallel num_threads(threads)
    {
        // The runtime may grant fewer threads than asked for; the barrier has to count the ones that came.
        shared.expect(omp_get_num_threads());
        FlushDenormals flush;
        try {
            work(Worker{omp_get_thread_num(), omp_get_num_threads(), &shared});
        } catch (...) {
            const std::lock_guard<std::mutex> lock(guard);
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

int most_workers() {
    static const char* const oversubscribe = std::getenv("STEEPEST_OVERSUBSCRIBE");
    return oversubscribe != nullptr && *oversubscribe == '1' ? 1 << 20 : granted_cpus();
}

int available_threads() {
    // omp_get_max_threads() is OMP_NUM_THREADS where that is set.
    return std::max(1, std::min(granted_cpus(), omp_get_max_threads()));
}

void set_default_threads(int threads) { chosen_threads.store(threads); }

int default_threads() {
    const int chosen = chosen_threads.load();
    return chosen > 0 ? chosen : available_threads();
}

}  // namespace steepest
