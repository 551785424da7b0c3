// The arguments of a slice of training, checked and taken apart.
#pragma once

#include "bindings/pybind11.hpp"

#include "bindings/shared_network.hpp"

namespace steepest {

template <class T>
struct TrainCall {
    DataSet data;
    OptimizerState<T> optimizer;
    TrainArgs args;
};

using Order = py::array_t<std::int64_t, py::array::c_style>;
using Rates = py::array_t<double, py::array::c_style>;

// The result points into the arrays.
template <class T>
TrainCall<T> train_call(Shared<T>& self, const py::object& x, const py::array& y, const py::object& sample_weight,
                        const Order& order, const Rates& learning_rates, index_t batch_size, const py::dict& loss,
                        const py::dict& optimizer, const py::list& slots, std::int64_t optimizer_step,
                        std::uint64_t step, std::uint64_t seed, int threads, double budget, double loss_sum,
                        double weight_sum, bool unchanged);

// f(self, call) as a function of train_call's arguments.
template <class T, class F, class... Arguments>
auto behind(TrainCall<T> (*check)(Shared<T>&, Arguments...), F f) {
    return [check, f](Shared<T>& self, Arguments... arguments) { return f(self, check(self, arguments...)); };
}

}  // namespace steepest
