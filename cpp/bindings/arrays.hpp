// Checked views of NumPy arrays for the kernels. An input or output is a float32 or float64 array of one or two dimensions whose
// elements of a row are neighbours; nothing is ever converted here (steepest.kernels copies inputs that do not fit, never outputs).
#pragma once

#include "bindings/pybind11.hpp"

#include <algorithm>
#include <string>

#include "core/check.hpp"
#include "core/types.hpp"

namespace steepest {

template <class T>
bool has_type(const py::array& array) {
    return py::isinstance<py::array_t<T>>(array);
}

template <class T>
MatrixView<T> as_row(T* data, index_t n) {
    return {data, 1, n, n};
}

// Calls f(T()) with the array's element type.
template <class F>
auto for_float_type(const py::array& array, const char* name, const F& f) {
    if (has_type<float>(array)) return f(float(0));
    if (has_type<double>(array)) return f(double(0));
    fail(name, ": dtype is ", std::string(py::str(array.dtype())), ", must be float32 or float64");
}

// One dimension counts as a single row.
template <class T>
MatrixView<const T> input_matrix(const py::array& array, const char* name) {
    const index_t size = sizeof(T);
    if (!has_type<T>(array))
        fail(name, ": dtype is ", std::string(py::str(array.dtype())), ", must be ",
             std::string(py::str(py::dtype::of<T>())), " like the other arrays");
    require(array.ndim() == 1 || array.ndim() == 2, name, ": has ", array.ndim(), " dimensions, must have 1 or 2");
    const index_t last = array.ndim() - 1;
    const index_t rows = last == 0 ? 1 : array.shape(0), cols = array.shape(last);
    // The stride of a dimension of at most one element means nothing, nor do those of an empty array.
    if (rows == 0 || cols == 0) return {static_cast<const T*>(array.data()), rows, cols, std::max<index_t>(cols, 1)};
    require(cols == 1 || array.strides(last) == size, name, ": the elements of a row must be neighbours in memory");
    const index_t stride = rows == 1 ? cols : array.strides(0) / size;
    require(rows == 1 || (array.strides(0) % size == 0 && stride >= cols), name,
            ": rows must lie in increasing order without overlap");
    return {static_cast<const T*>(array.data()), rows, cols, stride};
}

// For element-wise kernels: whether all arrays have one shape, any shape, and no gaps, so that they are one long row each.
template <class... Others>
bool without_gaps(const py::array& first, const Others&... others) {
    const auto like_first = [&](const py::array& array) {
        return (array.flags() & py::array::c_style) != 0 && array.ndim() == first.ndim() &&
               std::equal(array.shape(), array.shape() + array.ndim(), first.shape());
    };
    return like_first(first) && (like_first(others) && ...);
}
template <class T>
MatrixView<const T> input_elements(const py::array& array, const char* name, bool flat) {
    if (!flat || !has_type<T>(array)) return input_matrix<T>(array, name);
    return as_row(static_cast<const T*>(array.data()), array.size());
}
template <class T>
MatrixView<T> output_elements(const py::array& array, const char* name, bool flat) {
    require(array.writeable(), name, ": is read-only, must be writable");
    const auto view = input_elements<T>(array, name, flat);
    return {const_cast<T*>(view.data), view.rows, view.cols, view.stride};
}

template <class T>
MatrixView<T> output_matrix(const py::array& array, const char* name) {
    const auto view = input_matrix<T>(array, name);
    require(array.writeable(), name, ": is read-only, must be writable");
    return {const_cast<T*>(view.data), view.rows, view.cols, view.stride};
}

template <class A, class B>
void require_same_shape(const MatrixView<A>& a, const char* name, const MatrixView<B>& b, const char* other) {
    require(a.rows == b.rows && a.cols == b.cols, name, ": shape is (", a.rows, ", ", a.cols, "), must be (", b.rows,
            ", ", b.cols, ") like ", other);
}

// A vector counts as a row where it is walked, but is none where shapes are compared.
inline void require_same_dimensions(const py::array& a, const char* name, const py::array& b, const char* other) {
    require(a.ndim() == b.ndim(), name, ": has ", a.ndim(), " dimensions, must have ", b.ndim(), " like ", other);
}

// A vector of `n` elements without gaps.
template <class T>
const T* input_vector(const py::array& array, index_t n, const char* name) {
    const auto view = input_matrix<T>(array, name);
    require(array.ndim() == 1 && view.cols == n, name, ": must have shape (", n, ",)");
    return view.data;
}
template <class T>
T* output_vector(const py::array& array, index_t n, const char* name) {
    require(array.writeable(), name, ": is read-only, must be writable");
    return const_cast<T*>(input_vector<T>(array, n, name));
}

// Whether two matrices share an element, exactly where both have the same row stride (columns of one array), else by their extent.
template <class A, class B>
bool overlap(const MatrixView<A>& a, const MatrixView<B>& b) {
    if (a.rows == 0 || a.cols == 0 || b.rows == 0 || b.cols == 0) return false;
    const auto begin_a = reinterpret_cast<std::intptr_t>(a.data), begin_b = reinterpret_cast<std::intptr_t>(b.data);
    const auto extent = [](const auto& m) { return ((m.rows - 1) * m.stride + m.cols) * index_t(sizeof(*m.data)); };
    if (begin_a + extent(a) <= begin_b || begin_b + extent(b) <= begin_a) return false;
    const index_t row = a.stride * index_t(sizeof(A));
    if (sizeof(A) != sizeof(B) || a.stride != b.stride) return true;
    const index_t shift = ((begin_b - begin_a) % row + row) % row;  // b's columns relative to a's
    return shift < a.cols * index_t(sizeof(A)) || row - shift < b.cols * index_t(sizeof(B));
}

// An output may not share memory with another array, except, where `in_place` says so, be the very same matrix.
template <class A, class B>
void require_apart(const MatrixView<A>& out, const char* name, const MatrixView<B>& other, const char* other_name,
                   bool in_place = false) {
    const bool same = static_cast<const void*>(out.data) == static_cast<const void*>(other.data) &&
                      out.stride == other.stride && out.rows == other.rows && out.cols == other.cols;
    require((in_place && same) || !overlap(out, other), name, ": shares memory with ", other_name);
}
}  // namespace steepest
