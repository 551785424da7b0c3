// A counter of changes that others wait for, some for longer than a core should be kept busy: a worker without work, while Python has
// the word.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "core/types.hpp"

namespace steepest {

class Changes {
public:
    unsigned now() const { return count_.load(std::memory_order_acquire); }
    // Behind a change: what was written before is seen by who waited.
    void note();
    // Returns when now() is no longer `seen`. Looks for some 20 us, lends the core to others for a millisecond, then sleeps.
    void wait(unsigned seen);

private:
    alignas(kAlignment) std::atomic<unsigned> count_{0};
    alignas(kAlignment) std::atomic<int> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable woken_;
};

}  // namespace steepest
