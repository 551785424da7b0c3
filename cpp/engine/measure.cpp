#include "engine/measure.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/team.hpp"
#include "kernels/table.hpp"

namespace steepest {

namespace {

// Other programs only ever take time away, so the best round is the nearest to the machine's own rate.
constexpr int kRounds = 10;

// Runs `block` (returns the amount of work it did) on one worker until the round's time is over; returns work per second.
template <class Block>
double rate_of_round(double seconds, Block& block) {
    using Clock = std::chrono::steady_clock;
    double work = 0.0;
    double passed = 0.0;
    const auto start = Clock::now();
    do {
        work += block();
        passed = std::chrono::duration<double>(Clock::now() - start).count();
    } while (passed < seconds);
    return work / passed;
}

// make_block(worker) prepares a worker's memory and returns its block. Workers start each round together and their rates add up.
template <class MakeBlock>
double best_rate(double seconds, int threads, MakeBlock make_block) {
    std::vector<double> rates(std::size_t(kRounds) * std::size_t(threads), 0.0);
    run_team(threads, [&](const Worker& worker) {
        auto block = make_block(worker);
        block();
        for (int round = 0; round < kRounds; ++round) {
            worker.barrier();
            rates[std::size_t(round) * std::size_t(threads) + std::size_t(worker.id)] =
                rate_of_round(seconds / kRounds, block);
        }
    });
    double best = 0.0;
    for (int round = 0; round < kRounds; ++round) {
        double sum = 0.0;
        for (int w = 0; w < threads; ++w) sum += rates[std::size_t(round) * std::size_t(threads) + std::size_t(w)];
        best = std::max(best, sum);
    }
    return best;
}

}  // namespace

template <class T>
double measure_fma_peak(double seconds, int threads) {
    const KernelTable<T>& table = active_kernels<T>();
    return best_rate(seconds, threads, [&](const Worker&) {
        return [&table, sink = T(0)]() mutable { return table.fma_peak(5000, &sink); };  // some 20-100 us
    });
}

double measure_bandwidth(index_t bytes, double seconds, int threads) {
    const KernelTable<float>& table = active_kernels<float>();
    return best_rate(seconds, threads, [&](const Worker& worker) {
        const index_t n = std::max<index_t>(16, bytes / index_t(2 * sizeof(float)) / worker.count);
        // Made, and so first touched, by the worker that uses it.
        AlignedBuffer<float> x(n);
        AlignedBuffer<float> y(n);
        // Small sets are repeated between two looks at the clock, which costs as much as adding a kilobyte.
        const index_t repeats = std::max<index_t>(1, (index_t(1) << 18) / n);
        return [&table, x = std::move(x), y = std::move(y), n, repeats]() {
            for (index_t r = 0; r < repeats; ++r) table.add(1, n, y.data(), n, x.data(), n);
            return 3.0 * double(sizeof(float)) * double(n) * double(repeats);
        };
    });
}

template double measure_fma_peak<float>(double, int);
template double measure_fma_peak<double>(double, int);

}  // namespace steepest
