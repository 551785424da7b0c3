// Kernels that work on rows and columns of matrices: products, losses, batch norm, sums, gathering.
#include "bindings/pybind11.hpp"

#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/data.hpp"
#include "bindings/register.hpp"
#include "engine/names.hpp"
#include "ops/array_functions.hpp"

namespace steepest {

namespace {

Activation activation_called(const std::string& name) {
    for (int i = 0; i < int(Activation::count_); ++i)
        if (name == activation_name(Activation(i))) return Activation(i);
    fail("activation: '", name, "' is unknown");
}

template <class M>
void require_elements(const M& matrix, const char* name) {
    require(matrix.rows > 0 && matrix.cols > 0, name, ": is empty, shape (", matrix.rows, ", ", matrix.cols, ")");
}

void dense_forward(const py::array& x, const py::array& weight, const py::object& bias, const std::string& name,
                   double alpha, const py::array& out, int threads) {
    const Activation kind = activation_called(name);
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto w = input_matrix<T>(weight, "weight");
        const auto y = output_matrix<T>(out, "out");
        require_elements(from, "x");
        require_elements(w, "weight");
        require(w.rows == from.cols, "weight: has ", w.rows, " rows, x has ", from.cols, " columns; they must agree");
        require(y.rows == from.rows && y.cols == w.cols, "out: shape is (", y.rows, ", ", y.cols, "), must be (",
                from.rows, ", ", w.cols, ")");
        const T* b = bias.is_none() ? nullptr : input_vector<T>(py::cast<py::array>(bias), w.cols, "bias");
        require_apart(y, "out", from, "x");
        require_apart(y, "out", w, "weight");
        if (b != nullptr) require_apart(y, "out", as_row(b, w.cols), "bias");
        const py::gil_scoped_release release;
        array_dense_forward<T>(from, w, b, kind, T(alpha), y, threads);
    });
}

void dense_backward(const py::array& x, const py::array& weight, const py::array& y, const py::array& dy,
                    const std::string& name, double alpha, const py::array& dx, const py::array& dweight,
                    const py::array& dbias, int threads) {
    const Activation kind = activation_called(name);
    require(activation_needs(kind) != ActivationNeeds::input, "activation: the derivative of '", name,
            "' needs its input, which dense does not keep");
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto w = input_matrix<T>(weight, "weight");
        const auto output = input_matrix<T>(y, "y");
        const auto gradient = input_matrix<T>(dy, "dy");
        require_elements(from, "x");
        require_elements(w, "weight");
        require(w.rows == from.cols, "weight: has ", w.rows, " rows, x has ", from.cols, " columns; they must agree");
        require(output.rows == from.rows && output.cols == w.cols, "y: shape is (", output.rows, ", ", output.cols,
                "), must be (", from.rows, ", ", w.cols, ")");
        require_same_shape(gradient, "dy", output, "y");
        const auto to_x = output_matrix<T>(dx, "dx");
        const auto to_w = output_matrix<T>(dweight, "dweight");
        require_same_shape(to_x, "dx", from, "x");
        require_same_shape(to_w, "dweight", w, "weight");
        T* to_b = output_vector<T>(dbias, w.cols, "dbias");
        for (const auto& in : {from, w, output, gradient}) {
            require_apart(to_x, "dx", in, "an input");
            require_apart(to_w, "dweight", in, "an input");
            require_apart(as_row(to_b, w.cols), "dbias", in, "an input");
        }
        require_apart(to_x, "dx", to_w, "dweight");
        const py::gil_scoped_release release;
        array_dense_backward<T>(from, w, output, gradient, kind, T(alpha), to_x, to_w, to_b, threads);
    });
}

void row_forward(const std::string& name, const py::array& x, const py::array& out, int threads) {
    const RowFunction function = row_function_by_name(name);
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require(from.rows == 0 || from.cols > 0, "x: has no columns");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const py::gil_scoped_release release;
        array_row_forward<T>(function, from, to, threads);
    });
}

void row_backward(const std::string& name, const py::array& y, const py::array& dy, const py::array& out, int threads) {
    const RowFunction function = row_function_by_name(name);
    for_float_type(y, "y", [&](auto zero) {
        using T = decltype(zero);
        const auto kept = input_matrix<T>(y, "y");
        const auto gradient = input_matrix<T>(dy, "dy");
        const auto to = output_matrix<T>(out, "out");
        require_same_shape(gradient, "dy", kept, "y");
        require_same_shape(to, "out", kept, "y");
        require_apart(to, "out", kept, "y", true);
        require_apart(to, "out", gradient, "dy", true);
        const py::gil_scoped_release release;
        array_row_backward<T>(function, kept, gradient, to, threads);
    });
}

const std::int32_t* class_labels(const py::array& labels, index_t rows, index_t classes) {
    require(py::isinstance<py::array_t<std::int32_t>>(labels) && (labels.flags() & py::array::c_style) != 0,
            "labels: must be a C-contiguous int32 array");
    require(labels.ndim() == 1 && labels.shape(0) == rows, "labels: must have shape (", rows, ",)");
    const auto* data = static_cast<const std::int32_t*>(labels.data());
    for (index_t r = 0; r < rows; ++r)
        require(data[r] >= 0 && data[r] < classes, "labels: ", data[r], " in row ", r, " is not a class in 0..",
                classes - 1);
    return data;
}

index_t loss(const std::string& name, const py::array& output, const py::object& labels, const py::object& targets,
             const py::object& weights, double scale, double alpha, double smoothing, const py::array& row_loss,
             const py::object& gradient, int threads) {
    const Loss kind = loss_by_name(name);
    require(labels.is_none() != targets.is_none(), "targets: give either labels or targets");
    require(labels.is_none() || takes_labels(kind), "labels: ", name, " takes targets");
    return for_float_type(output, "output", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(output, "output");
        require_elements(from, "output");
        LossRows<T> rows{};
        rows.rows = from.rows;
        rows.cols = from.cols;
        rows.output = from.data;
        rows.ldo = from.stride;
        if (!labels.is_none()) rows.labels = class_labels(py::cast<py::array>(labels), from.rows, from.cols);
        MatrixView<const T> wanted;
        if (!targets.is_none()) {
            wanted = input_matrix<T>(py::cast<py::array>(targets), "targets");
            require_same_shape(wanted, "targets", from, "output");
            rows.targets = wanted.data;
            rows.ldt = wanted.stride;
        }
        if (!weights.is_none()) rows.weights = input_vector<T>(py::cast<py::array>(weights), from.rows, "weights");
        rows.scale = T(scale);
        rows.alpha = alpha;
        rows.smoothing = smoothing;
        rows.row_loss = output_vector<T>(row_loss, from.rows, "row_loss");
        require_apart(as_row(rows.row_loss, from.rows), "row_loss", from, "output");
        if (!gradient.is_none()) {
            const auto to = output_matrix<T>(py::cast<py::array>(gradient), "gradient");
            require_same_shape(to, "gradient", from, "output");
            require_apart(to, "gradient", from, "output", true);
            require_apart(to, "gradient", as_row(rows.row_loss, from.rows), "row_loss");
            require_apart(to, "gradient", wanted, "targets");
            rows.gradient = to.data;
            rows.ldg = to.stride;
        }
        const py::gil_scoped_release release;
        array_loss<T>(kind, rows, threads);
        return rows.correct;
    });
}

void batch_norm_forward(const py::array& x, const py::array& gamma, const py::array& beta, double epsilon,
                        const py::array& out, const py::array& mean, const py::array& variance,
                        const py::array& inv_std, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require_elements(from, "x");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const T *const g = input_vector<T>(gamma, from.cols, "gamma"), *const b =
                                                                           input_vector<T>(beta, from.cols, "beta");
        T *const m = output_vector<T>(mean, from.cols, "mean"), *const v =
                                                                    output_vector<T>(variance, from.cols, "variance");
        T* const s = output_vector<T>(inv_std, from.cols, "inv_std");
        const py::gil_scoped_release release;
        array_batch_norm_forward<T>(from, g, b, epsilon, to, m, v, s, threads);
    });
}

void batch_norm_backward(const py::array& x, const py::array& dy, const py::array& mean, const py::array& inv_std,
                         const py::array& gamma, const py::array& dx, const py::array& dgamma, const py::array& dbeta,
                         int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto gradient = input_matrix<T>(dy, "dy");
        const auto to = output_matrix<T>(dx, "dx");
        require_elements(from, "x");
        require_same_shape(gradient, "dy", from, "x");
        require_same_shape(to, "dx", from, "x");
        require_apart(to, "out", from, "x", true);
        require_apart(to, "out", gradient, "dy", true);
        const T *const m = input_vector<T>(mean, from.cols, "mean"), *const s =
                                                                         input_vector<T>(inv_std, from.cols, "inv_std");
        const T* const g = input_vector<T>(gamma, from.cols, "gamma");
        for (const T* const vector : {m, s, g})
            require_apart(to, "out", as_row(vector, from.cols), "mean, inv_std or gamma");
        T *const to_g = output_vector<T>(dgamma, from.cols, "dgamma"), *const to_b =
                                                                           output_vector<T>(dbeta, from.cols, "dbeta");
        const py::gil_scoped_release release;
        array_batch_norm_backward<T>(from, gradient, m, s, g, to, to_g, to_b, threads);
    });
}

void column_sums(const py::array& x, const py::array& out, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        T* const to = output_vector<T>(out, from.cols, "out");
        require_apart(as_row(to, from.cols), "out", from, "x");
        const py::gil_scoped_release release;
        array_column_sums<T>(from, to, threads);
    });
}

void gather(const py::array& x, const py::array& rows, const py::array& out, int threads) {
    const SourceMatrix source = source_matrix(x, "x");
    require(has_type<std::int64_t>(rows) && rows.ndim() == 1 && (rows.flags() & py::array::c_style) != 0,
            "rows: must be a C-contiguous one-dimensional int64 array");
    const auto* numbers = static_cast<const std::int64_t*>(rows.data());
    for (index_t i = 0; i < rows.shape(0); ++i)
        require(numbers[i] >= 0 && numbers[i] < source.rows, "rows: ", numbers[i], " is not a row of x, which has ",
                source.rows);
    for_float_type(out, "out", [&](auto zero) {
        using T = decltype(zero);
        const auto to = output_matrix<T>(out, "out");
        require(to.rows == rows.shape(0) && to.cols == source.cols, "out: shape is (", to.rows, ", ", to.cols,
                "), must be (", rows.shape(0), ", ", source.cols, ")");
        const py::gil_scoped_release release;
        array_gather<T>(source.type, source.base, source.row_bytes, source.col_bytes, numbers, to, threads);
    });
}

}  // namespace

void register_kernels_rows(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    const auto threads = py::arg("threads");
    m.def("kernel_dense_forward", &dense_forward, array("x"), array("weight"), py::arg("bias").none(true),
          py::arg("activation"), py::arg("alpha"), array("out"), threads);
    m.def("kernel_dense_backward", &dense_backward, array("x"), array("weight"), array("y"), array("dy"),
          py::arg("activation"), py::arg("alpha"), array("dx"), array("dweight"), array("dbias"), threads);
    m.def("kernel_row_forward", &row_forward, py::arg("name"), array("x"), array("out"), threads);
    m.def("kernel_row_backward", &row_backward, py::arg("name"), array("y"), array("dy"), array("out"), threads);
    m.def("kernel_loss", &loss, py::arg("name"), array("output"), py::arg("labels").none(true),
          py::arg("targets").none(true), py::arg("weights").none(true), py::arg("scale"), py::arg("alpha"),
          py::arg("smoothing"), array("row_loss"), py::arg("gradient").none(true), threads);
    m.def("kernel_batch_norm_forward", &batch_norm_forward, array("x"), array("gamma"), array("beta"),
          py::arg("epsilon"), array("out"), array("mean"), array("variance"), array("inv_std"), threads);
    m.def("kernel_batch_norm_backward", &batch_norm_backward, array("x"), array("dy"), array("mean"), array("inv_std"),
          array("gamma"), array("dx"), array("dgamma"), array("dbeta"), threads);
    m.def("kernel_column_sums", &column_sums, array("x"), array("out"), threads);
    m.def("kernel_gather", &gather, array("x"), array("rows"), array("out"), threads);
}

}  // namespace steepest
