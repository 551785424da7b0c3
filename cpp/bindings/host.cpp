#include "bindings/host.hpp"

#include "core/check.hpp"

namespace steepest {

namespace {

// A Python object that may be dropped by any thread, with or without the GIL.
std::shared_ptr<py::object> keep(const py::object& object) {
    return {new py::object(object), [](py::object* kept) {
                const py::gil_scoped_acquire gil;
                delete kept;
            }};
}

// A NumPy array over the engine's memory, read-only: what a function returns is copied in, never what it scribbles.
template <class T>
py::object view_of(const HostArray& from) {
    const auto item = py::ssize_t(sizeof(T));
    const py::array_t<T> array({from.rows, from.cols}, {from.stride * item, item}, static_cast<T*>(from.data),
                               py::none());
    array.attr("setflags")(py::arg("write") = false);
    return array;
}

py::object view(const HostArray& from) {
    if (from.data == nullptr) return py::none();
    return from.is_double ? view_of<double>(from) : view_of<float>(from);
}

py::list views(const std::vector<HostArray>& arrays) {
    py::list list;
    for (const auto& a : arrays) list.append(view(a));
    return list;
}

template <class T>
void take_as(const py::object& from, const HostArray& to, const char* what, bool add) {
    const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(from);
    if (!array) throw py::error_already_set();
    require(array.size() == to.rows * to.cols, what, ": has ", array.size(), " elements, must have (", to.rows, ", ",
            to.cols, ")");
    const T* data = array.data();
    for (index_t r = 0; r < to.rows; ++r) {
        T* row = static_cast<T*>(to.data) + r * to.stride;
        for (index_t j = 0; j < to.cols; ++j) row[j] = data[r * to.cols + j] + (add ? row[j] : T(0));
    }
}

void take(const py::object& from, const HostArray& to, const char* what, bool add = false) {
    if (to.data == nullptr) return;
    if (to.is_double)
        take_as<double>(from, to, what, add);
    else
        take_as<float>(from, to, what, add);
}

void call_forward(const py::object& function, const HostCall& call) {
    take(function.attr("forward")(call.training, views(call.inputs), views(call.parameters)), call.output,
         "forward's result");
}

void call_backward(const py::object& function, const HostCall& call) {
    const auto result = function
                            .attr("backward")(call.training, views(call.inputs), view(call.output),
                                              view(call.output_gradient), views(call.parameters))
                            .cast<py::tuple>();
    require(result.size() == 2, "backward: must return (input_gradients, parameter_gradients)");
    const auto inputs = result[0].cast<py::sequence>();
    const auto parameters = result[1].cast<py::sequence>();
    require(inputs.size() == call.inputs.size(), "backward: returned ", inputs.size(), " input gradients, must return ",
            call.inputs.size());
    require(parameters.size() == call.parameters.size(), "backward: returned ", parameters.size(),
            " parameter gradients, must return ", call.parameters.size());
    for (std::size_t i = 0; i < call.inputs.size(); ++i)
        take(inputs[i], call.input_gradients[i], "backward's input gradient", call.add[i]);
    for (std::size_t p = 0; p < call.parameters.size(); ++p)
        take(parameters[p], call.parameter_gradients[p], "backward's parameter gradient");
}

}  // namespace

std::shared_ptr<HostFunction> host_function(const py::object& function) {
    auto kept = keep(function);
    auto host = std::make_shared<HostFunction>();
    host->forward = [kept](const HostCall& call) {
        const py::gil_scoped_acquire gil;
        call_forward(*kept, call);
    };
    host->backward = [kept](const HostCall& call) {
        const py::gil_scoped_acquire gil;
        call_backward(*kept, call);
    };
    return host;
}

std::shared_ptr<HostLoss> host_loss(const py::object& function) {
    auto kept = keep(function);
    auto host = std::make_shared<HostLoss>();
    host->call = [kept](const HostArray& output, const HostArray& targets, const HostArray& row_loss,
                        const HostArray& gradient) {
        const py::gil_scoped_acquire gil;
        const auto result = (*kept)(view(output), view(targets)).cast<py::tuple>();
        require(result.size() == 2, "loss: must return (row_losses, gradient)");
        take(result[0], row_loss, "loss's row_losses");
        take(result[1], gradient, "loss's gradient");
    };
    return host;
}

}  // namespace steepest
