// NumPy arrays -> the engine's views of data, checked.
#pragma once

#include "bindings/pybind11.hpp"

#include <string>

#include "bindings/overlap.hpp"
#include "core/check.hpp"
#include "ops/data.hpp"
#include "ops/loss.hpp"

namespace steepest {

// Any two-dimensional array of a supported element type, of any strides; never copied.
// Whether the engine reads the matrix as it is.
bool as_source(const py::array& matrix, SourceMatrix* source);
SourceMatrix source_matrix(const py::array& array, const std::string& name);
// Samples: such an array, or compressed sparse rows by SciPy's attributes (data, indices, indptr, shape).
SourceMatrix source_samples(const py::object& x, const std::string& name);
// The memory of the samples' values.
Extent extent_of_samples(const py::object& x);

// y is int32 (N,) class labels, not checked here, or (N, width) targets.
DataSet data_set(const py::object& x, const py::array& y, const py::object& sample_weight, index_t input_width,
                 index_t width, const LossSpec& loss);

// The same with every label checked against [0, width).
DataSet labelled_data_set(const py::object& x, const py::array& y, const py::object& sample_weight, index_t input_width,
                          index_t width, const LossSpec& loss);

// {"kind": name, "alpha": ..., "smoothing": ..., "factor": ...} or {"kind": "host", "function": callable}
LossSpec loss_from(const py::dict& description);

// A flat, writable, C-contiguous array of T and exactly `size` elements.
template <class T>
T* flat_output(const py::array& array, index_t size, const std::string& name) {
    if (!py::isinstance<py::array_t<T>>(array))
        fail(name, ": dtype is ", std::string(py::str(array.dtype())), ", must be ",
             std::string(py::str(py::dtype::of<T>())));
    require(array.size() == size, name, ": has ", array.size(), " elements, must have ", size);
    require((array.flags() & py::array::c_style) != 0, name, ": must be C-contiguous");
    require(array.writeable(), name, ": is read-only, must be writable");
    return static_cast<T*>(const_cast<void*>(array.data()));
}

}  // namespace steepest
