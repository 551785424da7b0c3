// The module: nothing but calls of register_*, one per concern and file.
#include "bindings/pybind11.hpp"

#include "bindings/register.hpp"

PYBIND11_MODULE(_core, m) {
    m.doc() = "The C++ core of steepest: networks, kernels and the worker team. Use the package steepest instead.";
    steepest::register_kernels(m);
    steepest::register_machine(m);
    steepest::register_memory(m);
    steepest::register_bench(m);
    steepest::register_network(m);
    steepest::register_tasks(m);
}
