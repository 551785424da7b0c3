// Element-wise kernels and optimisers on NumPy arrays. Every function takes its outputs as arguments; steepest.kernels allocates them.
#include "bindings/pybind11.hpp"

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "engine/names.hpp"
#include "ops/array_functions.hpp"

namespace steepest {

namespace {

void activation_forward(const std::string& name, const py::array& x, const py::array& out, double alpha, int threads) {
    const Activation kind = activation_by_name(name);
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const bool flat = without_gaps(x, out);
        const auto from = input_elements<T>(x, "x", flat);
        const auto to = output_elements<T>(out, "out", flat);
        require_same_dimensions(out, "out", x, "x");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const py::gil_scoped_release release;
        array_activation_forward<T>(kind, from, to, T(alpha), threads);
    });
}

void activation_backward(const std::string& name, const py::array& saved, const py::array& dy, const py::array& out,
                         double alpha, int threads) {
    const Activation kind = activation_by_name(name);
    for_float_type(saved, "saved", [&](auto zero) {
        using T = decltype(zero);
        const bool flat = without_gaps(saved, dy, out);
        const auto kept = input_elements<T>(saved, "saved", flat);
        const auto gradient = input_elements<T>(dy, "dy", flat);
        const auto to = output_elements<T>(out, "out", flat);
        require_same_dimensions(dy, "dy", saved, "saved");
        require_same_dimensions(out, "out", saved, "saved");
        require_same_shape(gradient, "dy", kept, "saved");
        require_same_shape(to, "out", kept, "saved");
        require_apart(to, "out", kept, "saved", true);
        require_apart(to, "out", gradient, "dy", true);
        const py::gil_scoped_release release;
        array_activation_backward<T>(kind, kept, gradient, to, T(alpha), threads);
    });
}

template <class T>
auto math_function(const std::string& name) -> void (*)(index_t, const T*, T*) {
    const auto& table = active_kernels<T>();
#define STEEPEST_LOOK(function) \
    if (name == #function) return table.function;
    STEEPEST_MATH_FUNCTIONS(STEEPEST_LOOK)
#undef STEEPEST_LOOK
    fail("function: '", name, "' is unknown");
}

void math(const std::string& name, const py::array& x, const py::array& out, int threads) {
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto function = math_function<T>(name);
        const bool flat = without_gaps(x, out);
        const auto from = input_elements<T>(x, "x", flat);
        const auto to = output_elements<T>(out, "out", flat);
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const py::gil_scoped_release release;
        array_math<T>(function, from, to, threads);
    });
}

void dropout(const py::array& x, const py::array& out, double rate, std::uint64_t seed, std::uint64_t step,
             std::uint32_t stream, index_t first_row, int threads) {
    require(rate >= 0.0 && rate < 1.0, "rate: must be in [0, 1), got ", rate);
    for_float_type(x, "x", [&](auto zero) {
        using T = decltype(zero);
        const auto from = input_matrix<T>(x, "x");
        const auto to = output_matrix<T>(out, "out");
        require_same_shape(to, "out", from, "x");
        require_apart(to, "out", from, "x", true);
        const py::gil_scoped_release release;
        array_dropout<T>(from, to, rate, first_row, MaskKey{seed, step, stream}, threads);
    });
}

struct Numbers {
    double learning_rate, beta1, beta2, epsilon, weight_decay, l2, correction1, correction2, correction_next;
};

void update(const std::string& name, const py::array& parameter, const py::array& gradient, const py::object& state1,
            const py::object& state2, const Numbers& n, int threads) {
    const Optimizer rule = optimizer_by_name(name);
    const bool second = rule != Optimizer::sgd && rule != Optimizer::momentum && rule != Optimizer::nesterov;
    const bool first = rule != Optimizer::sgd && rule != Optimizer::rmsprop && rule != Optimizer::adagrad;
    require(state1.is_none() != first && state2.is_none() != second, "state: ", name, " takes ",
            int(first) + int(second), " array(s), the first moment or velocity and then the second moment");
    for_float_type(parameter, "parameter", [&](auto zero) {
        using T = decltype(zero);
        const auto w = output_matrix<T>(parameter, "parameter");
        const auto g = input_matrix<T>(gradient, "gradient");
        require_same_shape(g, "gradient", w, "parameter");
        require_apart(w, "parameter", g, "gradient");
        const auto state = [&](const py::object& object, const char* what) {
            if (object.is_none()) return MatrixView<T>{};
            const auto s = output_matrix<T>(py::cast<py::array>(object), what);
            require_same_shape(s, what, w, "parameter");
            require(s.stride == w.stride, what, ": must have the memory layout of parameter");
            require_apart(s, what, w, "parameter");
            require_apart(s, what, g, "gradient");
            return s;
        };
        const auto s1 = state(state1, "state1"), s2 = state(state2, "state2");
        if (first && second) require_apart(s1, "state1", s2, "state2");
        const UpdateArgs<T> args{n.learning_rate, n.beta1,       n.beta2,          n.epsilon, n.weight_decay, n.l2,
                                 n.correction1,   n.correction2, n.correction_next};
        const py::gil_scoped_release release;
        array_update<T>(rule, w, g, s1, s2, args, threads);
    });
}

}  // namespace

void register_kernels(py::module_& m) {
    const auto x = py::arg("x").noconvert();
    const auto out = py::arg("out").noconvert();
    const auto threads = py::arg("threads");
    m.def("kernel_activation_forward", &activation_forward, py::arg("name"), x, out, py::arg("alpha"), threads);
    m.def("kernel_activation_backward", &activation_backward, py::arg("name"), py::arg("saved").noconvert(),
          py::arg("dy").noconvert(), out, py::arg("alpha"), threads);
    m.def(
        "activation_needs",
        [](const std::string& name) {
            const char* const names[] = {"nothing", "output", "input"};
            return names[int(activation_needs(activation_by_name(name)))];
        },
        py::arg("name"), "What the backward kernel of an activation reads: 'nothing', 'output' or 'input'.");
    m.def("kernel_math", &math, py::arg("name"), x, out, threads);
    m.def("kernel_dropout", &dropout, x, out, py::arg("rate"), py::arg("seed"), py::arg("step"), py::arg("stream"),
          py::arg("first_row"), threads);
    m.def(
        "kernel_update",
        [](const std::string& name, const py::array& parameter, const py::array& gradient, const py::object& state1,
           const py::object& state2, double learning_rate, double beta1, double beta2, double epsilon,
           double weight_decay, double l2, double correction1, double correction2, double correction_next,
           int workers) {
            update(name, parameter, gradient, state1, state2,
                   {learning_rate, beta1, beta2, epsilon, weight_decay, l2, correction1, correction2, correction_next},
                   workers);
        },
        py::arg("name"), py::arg("parameter").noconvert(), py::arg("gradient").noconvert(),
        py::arg("state1").none(true), py::arg("state2").none(true), py::arg("learning_rate"), py::arg("beta1"),
        py::arg("beta2"), py::arg("epsilon"), py::arg("weight_decay"), py::arg("l2"), py::arg("correction1"),
        py::arg("correction2"), py::arg("correction_next"), threads);
    register_kernels_rows(m);
    register_kernels_layers(m);
}

}  // namespace steepest
