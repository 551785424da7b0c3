// How many workers a run is worth.
#pragma once

#include <algorithm>

#include "core/team.hpp"
#include "core/types.hpp"
#include "ops/operation.hpp"

namespace steepest {

// Floating-point operations that a worker must have to do to be worth calling.
// Inside a slice, per step: two barriers and the lines that change cores are about half a microsecond.
constexpr double kFlopsPerStep = 50e3;
// For a region of its own: waking a worker takes some ten microseconds.
constexpr double kFlopsPerRegion = 3e6;
// A step of this many takes milliseconds: its barriers cost nothing beside it.
constexpr double kFlopsOfLargeStep = 200e6;

inline int useful_workers(int threads, double flops, double flops_each, index_t rows) {
    const double by_work = std::max(1.0, flops / flops_each);
    const double by_rows = double(ceil_div(rows, kRowChunk));
    return std::max(1, int(std::min({double(std::min(threads, most_workers())), by_work, by_rows})));
}

// Bytes of weights that a worker must have to read for a handful of rows to be worth calling: some twenty microseconds.
constexpr double kBytesPerRegion = 2e6;

inline int useful_readers(int threads, double bytes) {
    return std::max(1, int(std::min(double(std::min(threads, most_workers())), bytes / kBytesPerRegion)));
}

inline double reciprocal(double weight) { return weight > 0.0 ? 1.0 / weight : 0.0; }

}  // namespace steepest
