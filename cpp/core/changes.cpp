#include "core/changes.hpp"

#include <chrono>

#include "core/wait.hpp"

namespace steepest {

void Changes::note() {
    // Either this sees the sleeper, or the sleeper, who counts itself first, sees the change.
    count_.fetch_add(1);
    if (sleepers_.load() == 0) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    woken_.notify_all();
}

void Changes::wait(unsigned seen) {
    using Clock = std::chrono::steady_clock;
    const auto changed = [&] { return now() != seen; };
    if (look_for(changed)) return;
    for (const auto end = Clock::now() + std::chrono::milliseconds(1); Clock::now() < end; yield_cpu())
        if (changed()) return;
    sleepers_.fetch_add(1);
    {
        std::unique_lock<std::mutex> lock(mutex_);
        woken_.wait(lock, [&] { return count_.load() != seen; });
    }
    sleepers_.fetch_sub(1);
}

}  // namespace steepest
