// How many workers a run is worth.
#pragma once

#include <algorithm>

#include "core/types.hpp"
#include "ops/operation.hpp"

namespace steepest {

// Below this many floating-point operations per worker and step, meeting at the barriers costs more than a worker brings:
// two barriers and the lines that change cores are about half a microsecond, the work of 50,000 operations.
constexpr double kFlopsPerWorker = 50e3;

inline int useful_workers(int threads, double flops, index_t rows) {
    const double by_work = std::max(1.0, flops / kFlopsPerWorker);
    const double by_rows = double(ceil_div(rows, kRowChunk));
    return std::max(1, int(std::min({double(std::max(1, threads)), by_work, by_rows})));
}

inline double reciprocal(double weight) { return weight > 0.0 ? 1.0 / weight : 0.0; }

}  // namespace steepest
