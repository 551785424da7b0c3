#include "engine/network.hpp"

#include <cmath>

#include "core/check.hpp"
#include "engine/make_operation.hpp"

namespace steepest {

namespace {

// Plans kept for reuse: training at the full batch size, evaluation, and one more.
constexpr std::size_t kPlans = 3;

Program checked(Program program) {
    program.validate();
    check_operations(program);
    return program;
}

template <class T>
index_t aligned(index_t count) {
    return round_up(count, kAlignment / index_t(sizeof(T)));
}

// What the update of a parameter depends on.
template <class T>
void take_settings(const ParameterSpec& spec, Parameter<T>& p) {
    p.l1 = spec.l1;
    p.l2 = spec.l2;
    p.rate_scale = spec.rate_scale;
    p.max_norm = spec.max_norm;
    p.decay = spec.decay;
    p.trainable = spec.trainable;
}

}  // namespace

template <class T>
Network<T>::Network(Program program) : program_(checked(std::move(program))) {
    index_t end = 0;
    for (const auto& spec : program_.parameters) {
        Parameter<T> p;
        p.offset = end;
        p.rows = spec.rows();
        p.cols = spec.cols();
        take_settings(spec, p);
        tensors_.parameters.push_back(p);
        end += aligned<T>(spec.size());
    }
    parameter_elements_ = end;
    parameters_ = AlignedBuffer<T>(end + kMostPanel);
    for (auto& p : tensors_.parameters) p.data = parameters_.data() + p.offset;
    end = 0;
    std::vector<index_t> offsets;
    for (const auto& spec : program_.states) {
        offsets.push_back(end);
        end += aligned<T>(spec.size);
    }
    states_ = AlignedBuffer<T>(end);
    for (const index_t offset : offsets) tensors_.states.push_back(states_.data() + offset);
}

template <class T>
void Network<T>::replace_program(Program program) {
    program = checked(std::move(program));
    require(program.values[0] == program_.values[0], "program: takes ", program.values[0], " columns, the network ",
            program_.values[0]);
    require(program.parameters.size() == program_.parameters.size() && program.states.size() == program_.states.size(),
            "program: has ", program.parameters.size(), " parameters and ", program.states.size(),
            " states, the network ", program_.parameters.size(), " and ", program_.states.size());
    for (std::size_t i = 0; i < program.parameters.size(); ++i)
        require(program.parameters[i].shape == program_.parameters[i].shape, "program: parameter '",
                program.parameters[i].name, "' differs in shape from the network's");
    for (std::size_t i = 0; i < program.states.size(); ++i)
        require(program.states[i].size == program_.states[i].size, "program: state '", program.states[i].name,
                "' differs in size from the network's");
    team_choice_.clear();
    last_trained_ = nullptr;
    plans_.clear();  // they refer to the program and hold copies of the settings
    whole_update_.reset();
    monitor_.reset();
    program_ = std::move(program);
    for (std::size_t i = 0; i < program_.parameters.size(); ++i)
        take_settings(program_.parameters[i], tensors_.parameters[i]);
}

template <class T>
Monitor<T>& Network<T>::watch(std::vector<WatchedLayer> layers) {
    for (const auto& layer : layers) {
        require(layer.value >= 0 && std::size_t(layer.value) < program_.values.size(), "layers: value ", layer.value,
                " is outside [0, ", program_.values.size(), ")");
        for (const int p : layer.parameters)
            require(p >= 0 && std::size_t(p) < program_.parameters.size(), "layers: parameter ", p, " is outside [0, ",
                    program_.parameters.size(), ")");
    }
    monitor_ = std::make_unique<Monitor<T>>(program_, tensors_, std::move(layers));
    return *monitor_;
}

template <class T>
Plan<T>& Network<T>::plan(const PlanKey& key) {
    const auto& table = active_kernels<T>();
    for (auto it = plans_.begin(); it != plans_.end(); ++it) {
        if (!((*it)->key() == key) || &(*it)->kernels() != &table) continue;
        plans_.splice(plans_.begin(), plans_, it);
        return *plans_.front();
    }
    plans_.push_front(std::make_unique<Plan<T>>(program_, key, table, tensors_, failure_));
    if (plans_.size() > kPlans) {
        if (plans_.back().get() == last_trained_) last_trained_ = nullptr;
        plans_.pop_back();
    }
    return *plans_.front();
}

template <class T>
double Network<T>::penalty() const {
    double total = 0.0;
    for (std::size_t i = 0; i < program_.parameters.size(); ++i) {
        const auto& p = tensors_.parameters[i];
        if (p.l1 == 0.0 && p.l2 == 0.0) continue;
        double squares = 0.0;
        double sizes = 0.0;
        for (index_t j = 0; j < p.rows * p.cols; ++j) {
            squares += double(p.data[j]) * double(p.data[j]);
            sizes += std::abs(double(p.data[j]));
        }
        total += 0.5 * p.l2 * squares + p.l1 * sizes;
    }
    return total;
}

template class Network<float>;
template class Network<double>;

}  // namespace steepest
