#include "bindings/pybind11.hpp"

#include <algorithm>
#include <mutex>

#include "bindings/data.hpp"
#include "bindings/overlap.hpp"
#include "bindings/program.hpp"
#include "bindings/register.hpp"
#include "engine/names.hpp"
#include "engine/network.hpp"

namespace steepest {

namespace {

// The network with the lock that makes its runs safe to call from several Python threads.
template <class T>
struct Shared {
    explicit Shared(const py::dict& description) : network(program_from(description)) {}
    Network<T> network;
    std::mutex lock;

    index_t input_width() const { return network.program().values[0]; }
    index_t output_width() const { return network.program().values[std::size_t(network.program().output)]; }
};

// Runs `work` without the GIL and with the network to itself. The GIL goes first: a waiting thread must not hold it.
template <class T, class Work>
auto alone(Shared<T>& self, Work work) {
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> guard(self.lock);
    return work();
}

std::size_t slots_of(Optimizer kind) {
    switch (kind) {
        case Optimizer::sgd: return 0;
        case Optimizer::adam:
        case Optimizer::adamw:
        case Optimizer::nadam: return 2;
        default: return 1;
    }
}

template <class T>
OptimizerState<T> optimizer_state(const py::dict& optimizer, const py::list& slots, std::int64_t updates,
                                  index_t size) {
    OptimizerState<T> state;
    const auto number = [&](const char* key) {
        require(optimizer.contains(key), "optimizer: lacks the number '", key, "'");
        return optimizer[key].cast<double>();
    };
    require(optimizer.contains("kind"), "optimizer: lacks 'kind'");
    state.kind = optimizer_by_name(optimizer["kind"].cast<std::string>());
    state.beta1 = number("beta1");
    state.beta2 = number("beta2");
    state.epsilon = number("epsilon");
    state.weight_decay = number("weight_decay");
    state.bias_correction = number("bias_correction") != 0.0;
    if (optimizer.contains("clip_norm")) state.clipping.norm = number("clip_norm");
    if (optimizer.contains("clip_value")) state.clipping.value = number("clip_value");
    require(updates >= 0, "optimizer_step: ", updates, " is negative");
    state.updates = updates;
    require(slots.size() == slots_of(state.kind), "slots: ", slots.size(), " arrays, this optimiser takes ",
            slots_of(state.kind));
    std::vector<T*> memory;
    for (const auto& slot : slots) memory.push_back(flat_output<T>(py::cast<py::array>(slot), size, "slots"));
    // The only state of these two is a second moment.
    if (state.kind == Optimizer::rmsprop || state.kind == Optimizer::adagrad) {
        state.slot2 = memory[0];
        return state;
    }
    if (!memory.empty()) state.slot1 = memory[0];
    if (memory.size() > 1) state.slot2 = memory[1];
    return state;
}

void check_order(const std::int64_t* order, index_t count, const DataSet& data, index_t classes) {
    for (index_t i = 0; i < count; ++i) {
        require(order[i] >= 0 && order[i] < data.x.rows, "order: entry ", i, " is ", order[i], ", outside [0, ",
                data.x.rows, ")");
        if (data.labels == nullptr) continue;
        const std::int32_t label = data.labels[order[i]];
        require(label >= 0 && label < classes, "y: label ", label, " of row ", order[i], " is outside [0, ", classes,
                ")");
    }
}

void check_labels(const DataSet& data, index_t classes) {
    for (index_t r = 0; r < data.x.rows && data.labels != nullptr; ++r)
        require(data.labels[r] >= 0 && data.labels[r] < classes, "y: label ", data.labels[r], " of row ", r,
                " is outside [0, ", classes, ")");
}

// What is read during a run must not lie in what the run writes.
void require_inputs_apart(const py::array& x, const py::array& y, const py::object& sample_weight, const Extent& out,
                          const char* name) {
    require_apart(extent(x), "x", out, name);
    require_apart(extent(y), "y", out, name);
    if (!sample_weight.is_none()) require_apart(extent(py::cast<py::array>(sample_weight)), "sample_weight", out, name);
}

template <class T>
Extent parameters_of(Shared<T>& self) {
    const auto arena = self.network.parameter_arena();
    return extent(arena.data, arena.cols);
}

using Order = py::array_t<std::int64_t, py::array::c_style>;
using Rates = py::array_t<double, py::array::c_style>;

template <class T>
RunResult train(Shared<T>& self, const py::array& x, const py::array& y, const py::object& sample_weight,
                const Order& order, const Rates& learning_rates, index_t batch_size, const py::dict& loss,
                const py::dict& optimizer, const py::list& slots, std::int64_t optimizer_step, std::uint64_t step,
                std::uint64_t seed, int threads, double budget, double loss_sum, double weight_sum) {
    TrainArgs args;
    args.loss = loss_from(loss);
    const DataSet data = data_set(x, y, sample_weight, self.input_width(), self.output_width(), args.loss);
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
    require(order.ndim() == 1 && order.size() >= 1, "order: must be a non-empty one-dimensional int64 array");
    // A batch larger than the data is all of it; the memory for a batch must not follow the number.
    batch_size = std::min(batch_size, std::max<index_t>(order.size(), data.x.rows));
    require(learning_rates.ndim() == 1 && learning_rates.size() >= ceil_div(order.size(), batch_size),
            "learning_rates: ", learning_rates.size(), " values for ", ceil_div(order.size(), batch_size), " steps");
    args.order = order.data();
    args.count = order.size();
    args.learning_rates = learning_rates.data();
    args.batch_size = batch_size;
    args.step = step;
    args.seed = seed;
    args.threads = threads;
    args.budget = budget;
    args.loss_sum = loss_sum;
    args.weight_sum = weight_sum;
    check_order(args.order, args.count, data, self.output_width());
    const auto state = optimizer_state<T>(optimizer, slots, optimizer_step, self.network.parameter_arena().cols);
    const Extent parameters = parameters_of(self);
    require_inputs_apart(x, y, sample_weight, parameters, "the network's parameters");
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const Extent slot = extent(py::cast<py::array>(slots[i]));
        require_apart(slot, "slots", parameters, "the network's parameters");
        require_inputs_apart(x, y, sample_weight, slot, "slots");
        for (std::size_t j = 0; j < i; ++j)
            require_apart(slot, "slots", extent(py::cast<py::array>(slots[j])), "another slot");
    }
    return alone(self, [&] { return self.network.train(data, state, args); });
}

template <class T>
py::tuple loss_and_gradients(Shared<T>& self, const py::array& x, const py::array& y, const py::object& sample_weight,
                             const py::dict& loss, bool training, const py::array& gradients,
                             const py::object& input_gradient, std::uint64_t step, std::uint64_t seed, int threads) {
    const LossSpec spec = loss_from(loss);
    const DataSet data = data_set(x, y, sample_weight, self.input_width(), self.output_width(), spec);
    check_labels(data, self.output_width());
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
RunResult evaluate(Shared<T>& self, const py::array& x, const py::array& y, const py::object& sample_weight,
                   const py::dict& loss, index_t batch_size, int threads) {
    const LossSpec spec = loss_from(loss);
    const DataSet data = data_set(x, y, sample_weight, self.input_width(), self.output_width(), spec);
    check_labels(data, self.output_width());
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
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
void predict(Shared<T>& self, const py::array& x, const py::array& out, index_t batch_size, int threads) {
    const SourceMatrix source = source_matrix(x, "x");
    require(source.cols == self.input_width(), "x: has ", source.cols, " columns, the network takes ",
            self.input_width());
    require(batch_size >= 1, "batch_size: ", batch_size, " is not positive");
    const index_t width = self.output_width();
    require(out.ndim() == 2 && out.shape(0) == source.rows && out.shape(1) == width, "out: must have shape (",
            source.rows, ", ", width, ")");
    T* to = flat_output<T>(out, source.rows * width, "out");
    require_apart(extent(out), "out", extent(x), "x");
    require_apart(extent(out), "out", parameters_of(self), "the network's parameters");
    alone(self, [&] { self.network.predict(source, {to, source.rows, width, width}, batch_size, threads); });
}

template <class T>
std::vector<py::array_t<T>> forward(Shared<T>& self, const py::array& x, bool training, std::uint64_t step,
                                    std::uint64_t seed, int threads) {
    const SourceMatrix source = source_matrix(x, "x");
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
        .def("train", &train<T>, py::arg("x"), py::arg("y"), py::arg("sample_weight").none(true),
             py::arg("order").noconvert(), py::arg("learning_rates").noconvert(), py::arg("batch_size"),
             py::arg("loss"), py::arg("optimizer"), py::arg("slots"), py::arg("optimizer_step"), py::arg("step"),
             py::arg("seed"), py::arg("threads"), py::arg("budget"), py::arg("loss_sum") = 0.0,
             py::arg("weight_sum") = 0.0)
        .def("loss_and_gradients", &loss_and_gradients<T>, py::arg("x"), py::arg("y"),
             py::arg("sample_weight").none(true), py::arg("loss"), py::arg("training"), py::arg("gradients"),
             py::arg("input_gradient").none(true), py::arg("step"), py::arg("seed"), py::arg("threads"))
        .def("evaluate", &evaluate<T>, py::arg("x"), py::arg("y"), py::arg("sample_weight").none(true), py::arg("loss"),
             py::arg("batch_size"), py::arg("threads"))
        .def("predict", &predict<T>, py::arg("x"), py::arg("out"), py::arg("batch_size"), py::arg("threads"))
        .def("outputs", &outputs<T>, py::arg("x"), py::arg("out").none(true), py::arg("batch_size"), py::arg("threads"))
        .def("forward", &forward<T>, py::arg("x"), py::arg("training"), py::arg("step"), py::arg("seed"),
             py::arg("threads"))
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
        .def_readonly("bad_operation", &RunResult::bad_operation);
    register_network_of<float>(m, "Network32");
    register_network_of<double>(m, "Network64");
}

}  // namespace steepest
