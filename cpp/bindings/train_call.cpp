#include "bindings/train_call.hpp"

#include <algorithm>

#include "bindings/data.hpp"
#include "engine/names.hpp"

namespace steepest {

namespace {

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
    if (optimizer.contains("penalty_weight")) state.penalty_weight = number("penalty_weight");
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

}  // namespace

template <class T>
TrainCall<T> train_call(Shared<T>& self, const py::object& x, const py::array& y, const py::object& sample_weight,
                        const Order& order, const Rates& learning_rates, index_t batch_size, const py::dict& loss,
                        const py::dict& optimizer, const py::list& slots, std::int64_t optimizer_step,
                        std::uint64_t step, std::uint64_t seed, int threads, double budget, double loss_sum,
                        double weight_sum, bool unchanged) {
    TrainCall<T> call;
    TrainArgs& args = call.args;
    args.loss = loss_from(loss);
    const DataSet data = call.data = data_set(x, y, sample_weight, self.input_width(), self.output_width(), args.loss);
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
    args.unchanged = unchanged;
    check_order(args.order, args.count, data, self.output_width());
    call.optimizer = optimizer_state<T>(optimizer, slots, optimizer_step, self.network.parameter_arena().cols);
    const Extent parameters = parameters_of(self);
    require_inputs_apart(x, y, sample_weight, parameters, "the network's parameters");
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const Extent slot = extent(py::cast<py::array>(slots[i]));
        require_apart(slot, "slots", parameters, "the network's parameters");
        require_inputs_apart(x, y, sample_weight, slot, "slots");
        for (std::size_t j = 0; j < i; ++j)
            require_apart(slot, "slots", extent(py::cast<py::array>(slots[j])), "another slot");
    }
    return call;
}

#define STEEPEST_INSTANTIATE(T)                                                                                        \
    template TrainCall<T> train_call(Shared<T>&, const py::object&, const py::array&, const py::object&, const Order&, \
                                     const Rates&, index_t, const py::dict&, const py::dict&, const py::list&,         \
                                     std::int64_t, std::uint64_t, std::uint64_t, int, double, double, double, bool);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
