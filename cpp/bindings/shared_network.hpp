// The network as Python holds it.
#pragma once

#include "bindings/pybind11.hpp"

#include <mutex>

#include "bindings/data.hpp"
#include "bindings/program.hpp"
#include "engine/network.hpp"

namespace steepest {

// The network with the lock that makes its runs safe to call from several Python threads.
template <class T>
struct Shared {
    explicit Shared(const py::dict& description) : network(program_from(description)) {}
    Network<T> network;
    std::mutex lock;

    index_t input_width() const { return network.program().values[0]; }
    index_t output_width() const { return network.program().values[std::size_t(network.program().output)]; }
};

// Runs `work` without the GIL and with the network to itself. The GIL goes first: a waiting thread must not hold it.
template <class T, class Work>
auto alone(Shared<T>& self, Work work) {
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> guard(self.lock);
    return work();
}

template <class T>
Extent parameters_of(Shared<T>& self) {
    const auto arena = self.network.parameter_arena();
    return extent(arena.data, arena.cols);
}

// What is read during a run must not lie in what the run writes.
inline void require_inputs_apart(const py::object& x, const py::array& y, const py::object& sample_weight,
                                 const Extent& out, const char* name) {
    require_apart(extent_of_samples(x), "x", out, name);
    require_apart(extent(y), "y", out, name);
    if (!sample_weight.is_none()) require_apart(extent(py::cast<py::array>(sample_weight)), "sample_weight", out, name);
}

}  // namespace steepest
