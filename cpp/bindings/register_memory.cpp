#include "bindings/pybind11.hpp"

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "ops/array_functions.hpp"
#include "ops/shuffle.hpp"

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

void shuffle_rows(const py::object& rows, const py::array& target, std::uint64_t seed, std::uint64_t epoch) {
    const index_t count = target.size();
    std::int64_t* const to = output_vector<std::int64_t>(target, count, "target");
    const std::int64_t* from = nullptr;
    if (!rows.is_none()) {
        from = input_vector<std::int64_t>(rows.cast<py::array>(), count, "rows");
        require_apart(as_row(to, count), "target", as_row(from, count), "rows");
    }
    const py::gil_scoped_release release;
    shuffle(from, count, {seed, epoch}, to);
}

}  // namespace

void register_memory(py::module_& m) {
    m.def("copy_array", &copy_array, py::arg("source").noconvert(), py::arg("target").noconvert(), py::arg("threads"),
          "Copy a vector of float32 or float64.");
    m.def("all_finite", &all_finite, py::arg("array").noconvert(), py::arg("threads"),
          "Whether a vector has neither NaN nor infinity.");
    m.def("shuffle", &shuffle_rows, py::arg("rows").none(true), py::arg("target").noconvert(), py::arg("seed"),
          py::arg("epoch"),
          "Write the rows (None: 0, 1, ...) in the order of an epoch into the target, both int64 vectors.");
}

}  // namespace steepest
