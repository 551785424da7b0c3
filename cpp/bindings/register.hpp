// One function per concern; module.cpp calls them.
#pragma once

#include "bindings/pybind11.hpp"

namespace steepest {

void register_kernels(py::module_& m);
void register_kernels_rows(py::module_& m);    // called by register_kernels
void register_kernels_layers(py::module_& m);  // likewise
void register_machine(py::module_& m);
void register_memory(py::module_& m);
void register_bench(py::module_& m);
void register_network(py::module_& m);
void register_tasks(py::module_& m);

}  // namespace steepest
