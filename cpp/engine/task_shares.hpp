// The parameter phase shared out: each worker has a run of the tasks of about equal cost, the same one in every step, so that the
// weights it updates stay in its caches. A worker that is through with its run takes tasks from the far end of another's: cores are not
// equally fast at every moment. Who does a task changes no bit of its result.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "ops/operation.hpp"

namespace steepest {

template <class T>
class TaskShares {
public:
    // For batches of `rows`.
    TaskShares(const std::vector<std::unique_ptr<Operation<T>>>& operations, index_t rows, int workers);

    // SPMD, with a barrier between the two and between one step and the next.
    void refill(const Worker& worker);
    void run(const Step<T>& step, const Worker& worker);

private:
    struct Task {
        Operation<T>* operation;
        index_t number;
    };
    // Tasks [first, end). The owner does those before open() without asking: a locked instruction waits for every store before it. A
    // single worker asks for none.
    struct alignas(kAlignment) Share {
        std::size_t first = 0, end = 0;
        std::atomic<std::uint64_t> left{0};  // not taken yet: the first in the lower half, the end in the upper
        std::size_t open(int count) const { return count == 1 ? end : end - (end - first) / 3; }
    };
    void run_one(std::size_t task, const Step<T>& step, const Worker& worker);
    void run_left(Share& share, bool own, const Step<T>& step, const Worker& worker);

    std::vector<Task> tasks_;
    std::vector<Share> shares_;
};

}  // namespace steepest
