// One function per concern; module.cpp calls them.
#pragma once

#include "bindings/pybind11.hpp"

namespace steepest {

void register_machine(py::module_& m);
void register_bench(py::module_& m);
void register_network(py::module_& m);

}  // namespace steepest
