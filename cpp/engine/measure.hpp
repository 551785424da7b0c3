// What this machine can do, measured: the two roofs that a benchmark holds a kernel against.
#pragma once

#include "core/types.hpp"

namespace steepest {

// Floating-point operations per second of fused multiply-adds on registers alone (one FMA = 2), all `threads` workers at once, with
// the instruction set in force: the best of ten rounds of `seconds / 10`.
template <class T>
double measure_fma_peak(double seconds, int threads);

// Bytes per second of x += y (two loads and a store per element; x is loaded, so no hidden read-for-ownership) over a working set of
// `bytes` for both arrays of all workers together: the best of ten rounds of `seconds / 10`.
double measure_bandwidth(index_t bytes, double seconds, int threads);

}  // namespace steepest
