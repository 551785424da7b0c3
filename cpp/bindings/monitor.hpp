// The monitor's settings and records between Python and C++.
#pragma once

#include "bindings/pybind11.hpp"

#include <vector>

#include "core/check.hpp"
#include "engine/monitor.hpp"
#include "engine/network.hpp"

namespace steepest {

// From dictionaries with "value", "parameters", "dies", and "ends": None or (low, high).
std::vector<WatchedLayer> watched_layers(const py::list& layers);

// {"samples", "noise_trace", "gradient_square", "descent", "layers" and "first": (fields, layers), "losses": (parts, 4), "spikes":
// [(step, loss, usual, peak)]}
py::dict record_to_python(const EpochRecord& record);

// As numbers, which a checkpoint holds.
std::vector<double> spike_state(const SpikeDetector::State& state);
SpikeDetector::State spike_state(const std::vector<double>& numbers);

template <class T>
Monitor<T>& monitor_of(Network<T>& network) {
    require(network.monitor() != nullptr, "watch() must be called first");
    return *network.monitor();
}

}  // namespace steepest
