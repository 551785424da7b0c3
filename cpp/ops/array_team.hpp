// How the array functions use the team: as many workers as the work is worth, denormals kept.
#pragma once

#include <algorithm>

#include "core/float_mode.hpp"
#include "core/team.hpp"

namespace steepest {

// A worker more costs a fork, a join and cold caches: a microsecond where the team is awake, some fifty where it must be woken, and
// milliseconds where another process has its core. 2^18 elements are 40 us of the cheapest kernel.
constexpr double kElementsPerWorker = 262144.0;

inline int useful_workers(double elements, int threads) {
    return std::max(1, std::min(threads, int(std::min(elements / kElementsPerWorker, 1e6))));
}

template <class F>
void run_kernels(double elements, int threads, const F& work) {
    run_team(useful_workers(elements, threads), [&](const Worker& worker) {
        KeepDenormals keep;
        work(worker);
    });
}

// work(begin, end) on each worker's share of [0, n) in units of `unit`.
template <class F>
void share_work(double elements, int threads, index_t n, index_t unit, const F& work) {
    run_kernels(elements, threads, [&](const Worker& worker) {
        index_t begin = 0;
        index_t end = 0;
        worker.share(n, unit, &begin, &end);
        if (begin < end) work(begin, end);
    });
}

// For element-wise work: a matrix without gaps is one long row that may be cut anywhere (in units of a page), others are cut by rows.
// work(first row, rows, first column, columns).
template <class F>
void share_elements(index_t rows, index_t cols, bool contiguous, int threads, const F& work) {
    const double elements = double(rows) * double(cols);
    if (contiguous || rows == 1)
        share_work(elements, threads, rows * cols, 1024,
                   [&](index_t begin, index_t end) { work(0, 1, begin, end - begin); });
    else
        share_work(elements, threads, rows, 1, [&](index_t begin, index_t end) { work(begin, end - begin, 0, cols); });
}

}  // namespace steepest
