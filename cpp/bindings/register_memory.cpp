#include "bindings/pybind11.hpp"

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "ops/array_functions.hpp"

namespace steepest {

namespace {

void copy_array(const py::array& from, const py::array& to, int threads) {
    for_float_type(from, "source", [&](auto zero) {
        using T = decltype(zero);
        const T* const source = input_vector<T>(from, from.size(), "source");
        T* const target = output_vector<T>(to, from.size(), "target");
        require_apart(as_row(target, from.size()), "target", as_row(source, from.size()), "source");
        const py::gil_scoped_release release;
        array_copy<T>(source, target, from.size(), threads);
    });
}

bool all_finite(const py::array& array, int threads) {
    return for_float_type(array, "array", [&](auto zero) {
        using T = decltype(zero);
        const T* const x = input_vector<T>(array, array.size(), "array");
        const py::gil_scoped_release release;
        return array_all_finite<T>(x, array.size(), threads);
    });
}

}  // namespace

void register_memory(py::module_& m) {
    m.def("copy_array", &copy_array, py::arg("source").noconvert(), py::arg("target").noconvert(), py::arg("threads"),
          "Copy a vector of float32 or float64.");
    m.def("all_finite", &all_finite, py::arg("array").noconvert(), py::arg("threads"),
          "Whether a vector has neither NaN nor infinity.");
}

}  // namespace steepest
