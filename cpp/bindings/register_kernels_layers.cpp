// Kernels of single layers: Gaussian noise, layer norm, PReLU, Maxout.
#include "bindings/pybind11.hpp"

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "ops/array_functions.hpp"

namespace steepest {

namespace {

void gaussian_noise(const py::array& x, const py::array& out, double sigma, std::uint64_t seed, std::uint64_t step,
                    std::uint32_t stream, index_t first_row, int threads) {
    require(sigma >= 0.0, "sigma: must not be negative, got ", sigma);
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const py::gil_scoped_release release;
        array_gaussian_noise<T>(from, to, T(sigma), first_row, MaskKey{seed, step, stream}, threads);
    });
}

void layer_norm_forward(const py::array& x, const py::array& gamma, const py::array& beta, double epsilon,
                        const py::array& out, const py::array& mean, const py::array& inv_std, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const T* const g = input_vector<T>(gamma, from.cols, "gamma");
        const T* const b = input_vector<T>(beta, from.cols, "beta");
        require_apart(to, "out", as_row(g, from.cols), "gamma");
        require_apart(to, "out", as_row(b, from.cols), "beta");
        T* const m = output_vector<T>(mean, from.rows, "mean");
        T* const s = output_vector<T>(inv_std, from.rows, "inv_std");
        const py::gil_scoped_release release;
        array_layer_norm_forward<T>(from, g, b, epsilon, to, m, s, threads);
    });
}

void layer_norm_backward(const py::array& x, const py::array& dy, const py::array& mean, const py::array& inv_std,
                         const py::array& gamma, const py::array& dx, const py::array& dgamma, const py::array& dbeta,
                         int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto gradient = input_matrix<T>(dy, "dy");
        const auto to = output_matrix<T>(dx, "dx");
        require_same_shape(gradient, "dy", from, "x");
        require_same_shape(to, "dx", from, "x");
        require_apart(to, "out", from, "x", true);
        require_apart(to, "out", gradient, "dy", true);
        const T* const m = input_vector<T>(mean, from.rows, "mean");
        const T* const s = input_vector<T>(inv_std, from.rows, "inv_std");
        const T* const g = input_vector<T>(gamma, from.cols, "gamma");
        for (const T* const vector : {m, s}) require_apart(to, "out", as_row(vector, from.rows), "mean or inv_std");
        require_apart(to, "out", as_row(g, from.cols), "gamma");
        T* const to_g = output_vector<T>(dgamma, from.cols, "dgamma");
        T* const to_b = output_vector<T>(dbeta, from.cols, "dbeta");
        const py::gil_scoped_release release;
        array_layer_norm_backward<T>(from, gradient, m, s, g, to, to_g, to_b, threads);
    });
}

void prelu_forward(const py::array& x, const py::array& slope, const py::array& out, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const T* const s = input_vector<T>(slope, from.cols, "slope");
        require_apart(to, "out", as_row(s, from.cols), "slope");
        const py::gil_scoped_release release;
        array_prelu_forward<T>(from, s, to, threads);
    });
}

void prelu_backward(const py::array& x, const py::array& slope, const py::array& dy, const py::array& dx,
                    const py::array& dslope, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto gradient = input_matrix<T>(dy, "dy");
        const auto to = output_matrix<T>(dx, "dx");
        require_same_shape(gradient, "dy", from, "x");
        require_same_shape(to, "dx", from, "x");
        require_apart(to, "out", from, "x", true);
        require_apart(to, "out", gradient, "dy", true);
        const T* const s = input_vector<T>(slope, from.cols, "slope");
        require_apart(to, "out", as_row(s, from.cols), "slope");
        T* const to_s = output_vector<T>(dslope, from.cols, "dslope");
        const py::gil_scoped_release release;
        array_prelu_backward<T>(from, s, gradient, to, to_s, threads);
    });
}

// which: C-contiguous uint16 (rows, units).
void require_winners(const py::array& which, index_t rows, index_t units) {
    require(has_type<std::uint16_t>(which) && which.ndim() == 2 && (which.flags() & py::array::c_style) != 0,
            "which: must be a C-contiguous two-dimensional uint16 array");
    require(which.shape(0) == rows && which.shape(1) == units, "which: must have shape (", rows, ", ", units, ")");
}

void require_pieces(index_t pieces, index_t wide, index_t units) {
    require(pieces >= 1 && pieces <= 65535 && wide == units * pieces, "pieces: ", wide, " columns are not ", units,
            " units of ", pieces);
}

void maxout_forward(const py::array& z, index_t pieces, const py::array& out, const py::array& which, int threads) {
    for_float_type(z, "z", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(z, "z");
        const auto to = output_matrix<T>(out, "out");
        require(to.rows == from.rows, "out: has ", to.rows, " rows, z has ", from.rows);
        require_pieces(pieces, from.cols, to.cols);
        require_winners(which, to.rows, to.cols);
        require(which.writeable(), "which: is read-only, must be writable");
        require_apart(to, "out", from, "z");
        auto* const winners = static_cast<std::uint16_t*>(const_cast<void*>(which.data()));
        const py::gil_scoped_release release;
        array_maxout_forward<T>(from, pieces, to, winners, threads);
    });
}

void maxout_backward(const py::array& which, index_t pieces, const py::array& dy, const py::array& dz, int threads) {
    for_float_type(dy, "dy", [&](auto zero) {
        using T = decltype(zero);
        const auto gradient = input_matrix<T>(dy, "dy");
        const auto to = output_matrix<T>(dz, "dz");
        require(to.rows == gradient.rows, "dz: has ", to.rows, " rows, dy has ", gradient.rows);
        require_pieces(pieces, to.cols, gradient.cols);
        require_winners(which, gradient.rows, gradient.cols);
        require_apart(to, "out", gradient, "dy");
        const auto* const winners = static_cast<const std::uint16_t*>(which.data());
        const py::gil_scoped_release release;
        array_maxout_backward<T>(winners, pieces, gradient, to, threads);
    });
}

}  // namespace

void register_kernels_layers(py::module_& m) {
    const auto array = [](const char* name) { return py::arg(name).noconvert(); };
    const auto threads = py::arg("threads");
    m.def("kernel_gaussian_noise", &gaussian_noise, array("x"), array("out"), py::arg("sigma"), py::arg("seed"),
          py::arg("step"), py::arg("stream"), py::arg("first_row"), threads);
    m.def("kernel_layer_norm_forward", &layer_norm_forward, array("x"), array("gamma"), array("beta"),
          py::arg("epsilon"), array("out"), array("mean"), array("inv_std"), threads);
    m.def("kernel_layer_norm_backward", &layer_norm_backward, array("x"), array("dy"), array("mean"), array("inv_std"),
          array("gamma"), array("dx"), array("dgamma"), array("dbeta"), threads);
    m.def("kernel_prelu_forward", &prelu_forward, array("x"), array("slope"), array("out"), threads);
    m.def("kernel_prelu_backward", &prelu_backward, array("x"), array("slope"), array("dy"), array("dx"),
          array("dslope"), threads);
    m.def("kernel_maxout_forward", &maxout_forward, array("z"), py::arg("pieces"), array("out"), array("which"),
          threads);
    m.def("kernel_maxout_backward", &maxout_backward, array("which"), py::arg("pieces"), array("dy"), array("dz"),
          threads);
}

}  // namespace steepest
