#include "ops/batch_norm.hpp"

#include <algorithm>
#include <cmath>

#include "ops/hand_over.hpp"

namespace steepest {

template <class T>
index_t BatchNorm<T>::workspace(index_t capacity, int workers) const {
    return (4 * ceil_div(capacity, kRowChunk) + kOwnVectors * workers) * stride();
}

template <class T>
void BatchNorm<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    chunks_ = ceil_div(site.capacity, kRowChunk);
    partials_ = workspace;
    owned_ = workspace + 4 * chunks_ * stride();
}

template <class T>
typename BatchNorm<T>::Own BatchNorm<T>::own(int worker) const {
    T* at = owned_ + worker * kOwnVectors * stride();
    const index_t s = stride();
    return {at, at + s, at + 2 * s, at + 3 * s, at + 4 * s, at + 5 * s, at + 6 * s};
}

template <class T>
void BatchNorm<T>::batch_statistics(const Step<T>& step, Rows rows, const Worker& worker, const Own& own) {
    const auto& k = this->kernels_;
    const auto& x = this->site_.inputs[0]->data;
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        const index_t chunk = r / kRowChunk;
        k.column_moments(std::min(kRowChunk, rows.end - r), width_, x.row(r), x.stride, partial(0, chunk),
                         partial(1, chunk));
    }
    worker.barrier();
    k.combine_moments(step.rows, kRowChunk, width_, partial(0, 0), partial(1, 0), stride(), own.mean, own.variance);
}

template <class T>
void BatchNorm<T>::forward(const Step<T>& step, Rows rows, const Worker& worker) {
    const auto& site = this->site_;
    const Own mine = own(worker.id);
    if (step.training) {
        batch_statistics(step, rows, worker, mine);
    } else {
        std::copy_n(site.states[0], width_, mine.mean);
        std::copy_n(site.states[1], width_, mine.variance);
    }
    for (index_t j = 0; j < width_; ++j) mine.inv_std[j] = T(1) / std::sqrt(mine.variance[j] + epsilon_);
    const auto& x = site.inputs[0]->data;
    const auto& y = site.output->data;
    this->kernels_.normalize(rows.count(), width_, x.row(rows.begin), x.stride, mine.mean, mine.inv_std,
                             site.parameters[0].data, site.parameters[1].data, y.row(rows.begin), y.stride);
}

// y = gamma xhat + beta, xhat = (x - mean) inv_std, mean and inv_std functions of all rows:
//   dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat));  with running statistics  dx = gamma inv_std dy
template <class T>
void BatchNorm<T>::backward(const Step<T>& step, Rows rows, const Worker& worker) {
    const auto& k = this->kernels_;
    const auto& site = this->site_;
    const auto& x = site.inputs[0]->data;
    const auto& dy = site.output->gradient;
    if (dy.data == nullptr) return;
    const Own mine = own(worker.id);
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        const index_t chunk = r / kRowChunk;
        k.batch_norm_sums(std::min(kRowChunk, rows.end - r), width_, x.row(r), x.stride, dy.row(r), dy.stride,
                          mine.mean, mine.inv_std, partial(2, chunk), partial(3, chunk));
    }
    worker.barrier();
    const index_t chunks = ceil_div(step.rows, kRowChunk);
    k.column_sums(chunks, width_, partial(2, 0), stride(), mine.sum_dy);
    k.column_sums(chunks, width_, partial(3, 0), stride(), mine.sum_dy_xhat);
    if (site.inputs[0]->gradient.data == nullptr) return;
    const T share = step.training ? T(1) / T(step.rows) : T(0);
    for (index_t j = 0; j < width_; ++j) {
        mine.mean_dy[j] = mine.sum_dy[j] * share;
        mine.mean_dy_xhat[j] = mine.sum_dy_xhat[j] * share;
    }
    const auto to = gradient_target(site);
    k.batch_norm_backward(rows.count(), width_, x.row(rows.begin), x.stride, dy.row(rows.begin), dy.stride, mine.mean,
                          mine.inv_std, site.parameters[0].data, mine.mean_dy, mine.mean_dy_xhat, to.row(rows.begin),
                          to.stride);
    hand_over(k, site, rows);
}

// y = gamma xhat + beta:  dgamma = sum of dy xhat,  dbeta = sum of dy
template <class T>
void BatchNorm<T>::parameter_task(const Step<T>& step, index_t /*task*/, const Worker& /*worker*/) {
    const Own first = own(0);
    const auto& parameters = this->site_.parameters;
    if (parameters[0].trainable) step.update->apply(parameters[0], 0, 0, 1, width_, first.sum_dy_xhat, width_);
    if (parameters[1].trainable) step.update->apply(parameters[1], 0, 0, 1, width_, first.sum_dy, width_);
    if (step.learning) update_running(step, first);
}

template <class T>
void BatchNorm<T>::update_running(const Step<T>& step, const Own& own) const {
    T* mean = this->site_.states[0];
    T* variance = this->site_.states[1];
    // One row has no variance to estimate: its zero is taken as it is.
    const T unbiased = T(step.rows) / T(std::max<index_t>(1, step.rows - 1));
    for (index_t j = 0; j < width_; ++j) {
        mean[j] = (T(1) - momentum_) * mean[j] + momentum_ * own.mean[j];
        variance[j] = (T(1) - momentum_) * variance[j] + momentum_ * unbiased * own.variance[j];
    }
}

template class BatchNorm<float>;
template class BatchNorm<double>;

}  // namespace steepest
