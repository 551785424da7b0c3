// Python functions as host operations and losses: NumPy views in, NumPy results out.
#pragma once

#include "bindings/pybind11.hpp"

#include <memory>

#include "ops/host.hpp"

namespace steepest {

// An object with forward(training, inputs, parameters) -> output and
// backward(training, inputs, output, output_gradient, parameters) -> (input_gradients, parameter_gradients).
std::shared_ptr<HostFunction> host_function(const py::object& function);

// A function (output, targets) -> (row_losses, gradient).
std::shared_ptr<HostLoss> host_loss(const py::object& function);

}  // namespace steepest
