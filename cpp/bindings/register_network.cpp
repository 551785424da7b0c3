#include "bindings/pybind11.hpp"

#include <algorithm>

#include "bindings/data.hpp"
#include "bindings/monitor.hpp"
#include "bindings/register.hpp"
#include "bindings/train_call.hpp"

namespace steepest {

namespace {

template <class T>
RunResult train(Shared<T>& self, const TrainCall<T>& call) {
    return alone(self, [&] { return self.network.train(call.data, call.optimizer, call.args); });
}

template <class T>
py::tuple loss_and_gradients(Shared<T>& self, const py::object& x, const py::array& y, const py::object& sample_weight,
                             const py::dict& loss, bool training, const py::array& gradients,
                             const py::object& input_gradient, std::uint64_t step, std::uint64_t seed, int threads) {
    const LossSpec spec = loss_from(loss);
    const DataSet data = labelled_data_set(x, y, sample_weight, self.input_width(), self.output_width(), spec);
    T* out = flat_output<T>(gradients, self.network.parameter_arena().cols, "gradients");
    const Extent parameters = parameters_of(self);
    require_apart(extent(gradients), "gradients", parameters, "the network's parameters");
    require_inputs_apart(x, y, sample_weight, extent(gradients), "gradients");
    MatrixView<T> dx;
    if (!input_gradient.is_none()) {
        const auto array = py::cast<py::array>(input_gradient);
        require_apart(extent(array), "input_gradient", parameters, "the network's parameters");
        require_apart(extent(array), "input_gradient", extent(gradients), "gradients");
        require_inputs_apart(x, y, sample_weight, extent(array), "input_gradient");
        dx = {flat_output<T>(array, data.x.rows * data.x.cols, "input_gradient"), data.x.rows, data.x.cols,
              data.x.cols};
    }
    double penalty = 0.0;
    const double value = alone(self, [&] {
        penalty = self.network.penalty();
        return self.network.loss_and_gradients(data, spec, training, step, seed, threads, out, dx);
    });
    return py::make_tuple(value, penalty);
}

template <class T>
RunResult evaluate(Shared<T>& self, const py::object& x, const py::array& y, const py::object& sample_weight,
                   const py::dict& loss, index_t batch_size, int threads) {
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
    const LossSpec spec = loss_from(loss);
    const DataSet data = labelled_data_set(x, y, sample_weight, self.input_width(), self.output_width(), spec);
    return alone(self, [&] { return self.network.evaluate(data, spec, batch_size, threads); });
}

// predict() into `out` or a new array, for callers who count microseconds: None, without a word, where x is not a matrix it takes
// as it is; the caller then finds out what is wrong.
template <class T>
py::object outputs(Shared<T>& self, const py::array& x, const py::object& out, index_t batch_size, int threads) {
    const index_t width = self.output_width();
    SourceMatrix source;
    if (x.ndim() != 2 || x.shape(0) == 0 || batch_size < 1 || !as_source(x, &source) ||
        source.cols != self.input_width())
        return py::none();
    py::array_t<T> to;
    if (out.is_none()) {
        to = py::array_t<T>({source.rows, width});
    } else {
        if (!py::isinstance<py::array_t<T>>(out)) return py::none();
        to = py::reinterpret_borrow<py::array_t<T>>(out);
        const bool fits = to.ndim() == 2 && to.shape(0) == source.rows && to.shape(1) == width && to.writeable() &&
                          (to.flags() & py::array::c_style) != 0;
        if (!fits) return py::none();
    }
    const MatrixView<T> view{to.mutable_data(), source.rows, width, width};
    const int workers = threads > 0 ? threads : available_threads();
    alone(self, [&] { self.network.predict(source, view, batch_size, workers); });
    return std::move(to);
}

template <class T>
void predict(Shared<T>& self, const py::object& x, const py::array& out, index_t batch_size, int threads) {
    const SourceMatrix source = source_samples(x, "x");
    require(source.cols == self.input_width(), "x: has ", source.cols, " columns, the network takes ",
            self.input_width());
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
    const index_t width = self.output_width();
    require(out.ndim() == 2 && out.shape(0) == source.rows && out.shape(1) == width, "out: must have shape (",
            source.rows, ", ", width, ")");
    T* to = flat_output<T>(out, source.rows * width, "out");
    require_apart(extent(out), "out", extent_of_samples(x), "x");
    require_apart(extent(out), "out", parameters_of(self), "the network's parameters");
    alone(self, [&] { self.network.predict(source, {to, source.rows, width, width}, batch_size, threads); });
}

template <class T>
std::vector<py::array_t<T>> forward(Shared<T>& self, const py::object& x, bool training, std::uint64_t step,
                                    std::uint64_t seed, int threads) {
    const SourceMatrix source = source_samples(x, "x");
    require(source.cols == self.input_width(), "x: has ", source.cols, " columns, the network takes ",
            self.input_width());
    require(source.rows > 0, "x: has no rows");
    std::vector<py::array_t<T>> arrays;
    std::vector<T*> memory;
    for (const index_t width : self.network.program().values) {
        arrays.emplace_back(std::vector<index_t>{source.rows, width});
        memory.push_back(arrays.back().mutable_data());
    }
    alone(self, [&] {
        Plan<T>& plan = self.network.forward(source, training, step, seed, threads);
        for (std::size_t v = 0; v < memory.size(); ++v) {
            const auto& data = plan.value(int(v)).data;
            for (index_t r = 0; r < source.rows; ++r) std::copy_n(data.row(r), data.cols, memory[v] + r * data.cols);
        }
    });
    return arrays;
}

template <class T>
py::array_t<T> parameter(py::object self, int i) {
    auto& network = self.cast<Shared<T>&>().network;
    const auto& specs = network.program().parameters;
    require(i >= 0 && std::size_t(i) < specs.size(), "parameter: number ", i, " is outside [0, ", specs.size(), ")");
    return py::array_t<T>(specs[std::size_t(i)].shape, network.tensors().parameters[std::size_t(i)].data, self);
}

template <class T>
py::array_t<T> state(py::object self, int i) {
    auto& network = self.cast<Shared<T>&>().network;
    const auto& specs = network.program().states;
    require(i >= 0 && std::size_t(i) < specs.size(), "state: number ", i, " is outside [0, ", specs.size(), ")");
    return py::array_t<T>(std::vector<index_t>{specs[std::size_t(i)].size}, network.tensors().states[std::size_t(i)],
                          self);
}

template <class T>
py::array_t<T> whole(py::object self, MatrixView<T> arena) {
    // A network without tensors has no memory to show.
    if (arena.cols == 0) return py::array_t<T>(std::vector<index_t>{0});
    return py::array_t<T>(std::vector<index_t>{arena.cols}, arena.data, self);
}

template <class T>
void register_network_of(py::module_& m, const char* name) {
    py::class_<Shared<T>>(m, name, "A program with the memory of its tensors, and the runs over it.")
        .def(py::init<const py::dict&>(), py::arg("program"))
        .def(
            "parameter", [](py::object self, int i) { return parameter<T>(std::move(self), i); }, py::arg("index"))
        .def(
            "state", [](py::object self, int i) { return state<T>(std::move(self), i); }, py::arg("index"))
        .def_property_readonly(
            "parameter_arena",
            [](py::object self) { return whole<T>(self, self.cast<Shared<T>&>().network.parameter_arena()); })
        .def_property_readonly(
            "state_arena",
            [](py::object self) { return whole<T>(self, self.cast<Shared<T>&>().network.state_arena()); })
        .def(
            "replace_program",
            [](Shared<T>& self, const py::dict& description) {
                Program program = program_from(description);
                alone(self, [&] { self.network.replace_program(std::move(program)); });
            },
            py::arg("program"))
        .def("train", behind(&train_call<T>, &train<T>), py::arg("x"), py::arg("y"),
             py::arg("sample_weight").none(true), py::arg("order").noconvert(), py::arg("learning_rates").noconvert(),
             py::arg("batch_size"), py::arg("loss"), py::arg("optimizer"), py::arg("slots"), py::arg("optimizer_step"),
             py::arg("step"), py::arg("seed"), py::arg("threads"), py::arg("budget"), py::arg("loss_sum") = 0.0,
             py::arg("weight_sum") = 0.0, py::arg("unchanged") = false)
        .def("loss_and_gradients", &loss_and_gradients<T>, py::arg("x"), py::arg("y"),
             py::arg("sample_weight").none(true), py::arg("loss"), py::arg("training"), py::arg("gradients"),
             py::arg("input_gradient").none(true), py::arg("step"), py::arg("seed"), py::arg("threads"))
        .def("evaluate", &evaluate<T>, py::arg("x"), py::arg("y"), py::arg("sample_weight").none(true), py::arg("loss"),
             py::arg("batch_size"), py::arg("threads"))
        .def("predict", &predict<T>, py::arg("x"), py::arg("out"), py::arg("batch_size"), py::arg("threads"))
        .def("outputs", &outputs<T>, py::arg("x"), py::arg("out").none(true), py::arg("batch_size"), py::arg("threads"))
        .def("forward", &forward<T>, py::arg("x"), py::arg("training"), py::arg("step"), py::arg("seed"),
             py::arg("threads"))
        .def(
            "watch",
            [](Shared<T>& self, const py::list& layers) {
                auto watched = watched_layers(layers);
                alone(self, [&] { self.network.watch(std::move(watched)); });
            },
            py::arg("layers"))
        .def("unwatch", [](Shared<T>& self) { alone(self, [&] { self.network.unwatch(); }); })
        .def(
            "watch_epoch",
            [](Shared<T>& self, std::uint64_t first, index_t count, std::vector<std::uint64_t> chosen, bool halting) {
                auto& monitor = monitor_of(self.network);
                monitor.begin_epoch(first, count, std::move(chosen));
                monitor.spikes().set_halting(halting);
            },
            py::arg("first"), py::arg("count"), py::arg("chosen"), py::arg("halting"))
        .def("watched", [](Shared<T>& self) { return record_to_python(monitor_of(self.network).read()); })
        .def_property(
            "spike_state", [](Shared<T>& self) { return spike_state(monitor_of(self.network).spikes().state()); },
            [](Shared<T>& self, const std::vector<double>& state) {
                monitor_of(self.network).spikes().set_state(spike_state(state));
            })
        .def_property_readonly("penalty", [](Shared<T>& self) { return self.network.penalty(); });
}

}  // namespace

void register_network(py::module_& m) {
    py::class_<RunResult>(m, "RunResult", "What a slice of training or an evaluation did.")
        .def_readonly("steps", &RunResult::steps)
        .def_readonly("rows", &RunResult::rows)
        .def_readonly("loss_sum", &RunResult::loss_sum)
        .def_readonly("weight_sum", &RunResult::weight_sum)
        .def_readonly("correct", &RunResult::correct)
        .def_readonly("finite", &RunResult::finite)
        .def_readonly("leaps", &RunResult::leaps)
        .def_readonly("bad_operation", &RunResult::bad_operation);
    register_network_of<float>(m, "Network32");
    register_network_of<double>(m, "Network64");
}

}  // namespace steepest
