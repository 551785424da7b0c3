#include "ops/host.hpp"

#include <numeric>

namespace steepest {

template <class T>
index_t HostOperation<T>::workspace(index_t /*capacity*/, int /*workers*/) const {
    return std::accumulate(sizes_.begin(), sizes_.end(), index_t(0));
}

template <class T>
void HostOperation<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    gradients_ = workspace;
}

template <class T>
MatrixView<T> HostOperation<T>::gradient_of(std::size_t parameter) const {
    const auto& p = this->site_.parameters[parameter];
    const index_t before = std::accumulate(sizes_.begin(), sizes_.begin() + std::ptrdiff_t(parameter), index_t(0));
    return {gradients_ + before, p.rows, p.cols, p.cols};
}

template <class T>
HostCall HostOperation<T>::describe(const Step<T>& step, Rows rows) const {
    const auto& site = this->site_;
    HostCall call;
    call.training = step.training;
    for (std::size_t i = 0; i < site.inputs.size(); ++i) {
        call.inputs.push_back(host_array(site.inputs[i]->data, rows.begin, rows.end));
        call.input_gradients.push_back(host_array(site.inputs[i]->gradient, rows.begin, rows.end));
        call.add.push_back(site.add_gradient[i]);
    }
    call.output = host_array(site.output->data, rows.begin, rows.end);
    call.output_gradient = host_array(site.output->gradient, rows.begin, rows.end);
    for (std::size_t p = 0; p < site.parameters.size(); ++p) {
        const auto& parameter = site.parameters[p];
        call.parameters.push_back(host_array(
            MatrixView<T>{parameter.data, parameter.rows, parameter.cols, parameter.cols}, 0, parameter.rows));
        call.parameter_gradients.push_back(host_array(gradient_of(p), 0, parameter.rows));
    }
    return call;
}

template <class T>
void HostOperation<T>::call(const std::function<void(const HostCall&)>& function, const Step<T>& step, Rows rows,
                            const Worker& worker) {
    const auto attempt = [&](Rows which) {
        if (failure_.failed()) return;
        try {
            function(describe(step, which));
        } catch (...) {
            failure_.keep(std::current_exception());
        }
    };
    // A run for one batch is shared by all workers (step.shared); elsewhere every worker has rows of its own.
    if (!step.shared) return attempt(rows);
    worker.barrier();
    if (worker.id == 0) attempt({0, step.rows});
    worker.barrier();
}

template <class T>
void HostOperation<T>::forward(const Step<T>& step, Rows rows, const Worker& worker) {
    call(function_->forward, step, rows, worker);
}

template <class T>
void HostOperation<T>::backward(const Step<T>& step, Rows rows, const Worker& worker) {
    if (this->site_.output->gradient.data == nullptr) return;
    call(function_->backward, step, rows, worker);
}

template <class T>
void HostOperation<T>::parameter_task(const Step<T>& step, index_t task, const Worker& /*worker*/) {
    const auto& p = this->site_.parameters[std::size_t(task)];
    const auto g = gradient_of(std::size_t(task));
    if (p.trainable) step.update->apply(p, 0, 0, p.rows, p.cols, g.data, g.stride);
}

template class HostOperation<float>;
template class HostOperation<double>;

}  // namespace steepest
