#include "engine/network.hpp"

#include <cmath>

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

}  // namespace

template <class T>
Network<T>::Network(Program program) : program_(checked(std::move(program))) {
    index_t end = 0;
    for (const auto& spec : program_.parameters) {
        Parameter<T> p;
        p.offset = end;
        p.rows = spec.rows();
        p.cols = spec.cols();
        p.l1 = spec.l1;
        p.l2 = spec.l2;
        p.rate_scale = spec.rate_scale;
        p.max_norm = spec.max_norm;
        p.decay = spec.decay;
        p.trainable = spec.trainable;
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
Plan<T>& Network<T>::plan(const PlanKey& key) {
    const auto& table = active_kernels<T>();
    for (auto it = plans_.begin(); it != plans_.end(); ++it) {
        if (!((*it)->key() == key) || &(*it)->kernels() != &table) continue;
        plans_.splice(plans_.begin(), plans_, it);
        return *plans_.front();
    }
    plans_.push_front(std::make_unique<Plan<T>>(program_, key, table, tensors_, failure_));
    if (plans_.size() > kPlans) plans_.pop_back();
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
