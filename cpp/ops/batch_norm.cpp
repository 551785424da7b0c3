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
    Own own{at, at + s, at + 2 * s, at + 3 * s, at + 4 * s, at + 5 * s, at + 6 * s, at + 7 * s, at + 8 * s};
    if (places_ == 1) {
        own.gamma = this->site_.parameters[0].data;
        own.beta = this->site_.parameters[1].data;
    }
    return own;
}

template <class T>
void BatchNorm<T>::spread(const T* channel, T* column) const {
    for (index_t c = 0; c < channels_; ++c) std::fill_n(column + c * places_, places_, channel[c]);
}

// Every column of a channel gets the sum over the channel's columns.
template <class T>
void BatchNorm<T>::add_up(T* column_sums) const {
    for (index_t j = 0; j < width_ && places_ > 1; j += places_) {
        double sum = 0.0;
        for (index_t i = 0; i < places_; ++i) sum += double(column_sums[j + i]);
        std::fill_n(column_sums + j, places_, T(sum));
    }
}

// From the columns' moments to their channel's: all columns have as many rows, so the mean is the mean of the means, and the
// variance the mean of the variances and of the squared distances of the means. Of equal means the mean is none but they: a rounding of
// their sum would be all the variance of a plain image, and be blown up to 1.
template <class T>
void BatchNorm<T>::pool_moments(const Own& own) const {
    for (index_t j = 0; j < width_ && places_ > 1; j += places_) {
        const double first = double(own.mean[j]);
        double apart = 0.0, variance = 0.0;
        for (index_t i = 0; i < places_; ++i) apart += double(own.mean[j + i]) - first;
        const double mean = first + apart / double(places_);
        for (index_t i = 0; i < places_; ++i) {
            const double own_apart = double(own.mean[j + i]) - mean;
            variance += double(own.variance[j + i]) + own_apart * own_apart;
        }
        std::fill_n(own.mean + j, places_, T(mean));
        std::fill_n(own.variance + j, places_, T(variance / double(places_)));
    }
}

template <class T>
void BatchNorm<T>::batch_statistics(const Step<T>& step, Rows rows, const Worker& worker, const Own& own) {
    const auto& k = this->kernels_;
    const auto& x = this->site_.inputs[0]->data;
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        const index_t chunk = r / kRowChunk;
        const index_t count = std::min(kRowChunk, rows.end - r);
        for_panels<T>(width_, [&](index_t j, index_t cols) {
            k.column_moments(count, cols, x.row(r) + j, x.stride, partial(0, chunk) + j, partial(1, chunk) + j, false);
        });
    }
    worker.barrier();
    k.combine_moments(0, step.rows, kRowChunk, width_, partial(0, 0), partial(1, 0), stride(), own.mean, own.variance);
    for (index_t j = 0; j < width_; ++j) own.variance[j] /= T(step.rows);
    pool_moments(own);
}

template <class T>
void BatchNorm<T>::forward(const Step<T>& step, Rows rows, const Worker& worker) {
    const auto& site = this->site_;
    const Own mine = own(worker.id);
    if (step.training && !frozen_) {
        batch_statistics(step, rows, worker, mine);
    } else {
        spread(site.states[0], mine.mean);
        spread(site.states[1], mine.variance);
    }
    if (places_ > 1) {
        spread(site.parameters[0].data, mine.gamma);
        spread(site.parameters[1].data, mine.beta);
    }
    for (index_t j = 0; j < width_; ++j) mine.inv_std[j] = T(1) / std::sqrt(mine.variance[j] + epsilon_);
    const auto& x = site.inputs[0]->data;
    const auto& y = site.output->data;
    for_panels<T>(width_, [&](index_t j, index_t cols) {
        this->kernels_.normalize(rows.count(), cols, x.row(rows.begin) + j, x.stride, mine.mean + j, mine.inv_std + j,
                                 mine.gamma + j, mine.beta + j, y.row(rows.begin) + j, y.stride, false);
    });
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
        const index_t count = std::min(kRowChunk, rows.end - r);
        for_panels<T>(width_, [&](index_t j, index_t cols) {
            k.batch_norm_sums(count, cols, x.row(r) + j, x.stride, dy.row(r) + j, dy.stride, mine.mean + j,
                              mine.inv_std + j, partial(2, chunk) + j, partial(3, chunk) + j, false);
        });
    }
    worker.barrier();
    const index_t chunks = ceil_div(step.rows, kRowChunk);
    k.column_sums(chunks, width_, partial(2, 0), stride(), mine.sum_dy);
    k.column_sums(chunks, width_, partial(3, 0), stride(), mine.sum_dy_xhat);
    add_up(mine.sum_dy);
    add_up(mine.sum_dy_xhat);
    if (site.inputs[0]->gradient.data == nullptr) return;
    const T share = step.training && !frozen_ ? T(1) / T(step.rows * places_) : T(0);
    for (index_t j = 0; j < width_; ++j) {
        mine.mean_dy[j] = mine.sum_dy[j] * share;
        mine.mean_dy_xhat[j] = mine.sum_dy_xhat[j] * share;
    }
    const auto to = gradient_target(site);
    for_panels<T>(width_, [&](index_t j, index_t cols) {
        k.batch_norm_backward(rows.count(), cols, x.row(rows.begin) + j, x.stride, dy.row(rows.begin) + j, dy.stride,
                              mine.mean + j, mine.inv_std + j, mine.gamma + j, mine.mean_dy + j, mine.mean_dy_xhat + j,
                              to.row(rows.begin) + j, to.stride, false);
    });
    hand_over(k, site, rows);
}

// y = gamma xhat + beta:  dgamma = sum of dy xhat,  dbeta = sum of dy
template <class T>
void BatchNorm<T>::parameter_task(const Step<T>& step, index_t /*task*/, const Worker& /*worker*/) {
    const Own first = own(0);
    const auto& parameters = this->site_.parameters;
    // One number a channel: the first of its columns has it.
    for (index_t c = 0; c < channels_; ++c) {
        first.mean_dy_xhat[c] = first.sum_dy_xhat[c * places_];
        first.mean_dy[c] = first.sum_dy[c * places_];
    }
    if (parameters[0].trainable) step.update->apply(parameters[0], 0, 0, 1, channels_, first.mean_dy_xhat, channels_);
    if (parameters[1].trainable) step.update->apply(parameters[1], 0, 0, 1, channels_, first.mean_dy, channels_);
    if (step.learning && !frozen_) update_running(step, first);
}

template <class T>
void BatchNorm<T>::update_running(const Step<T>& step, const Own& own) const {
    T* mean = this->site_.states[0];
    T* variance = this->site_.states[1];
    const index_t count = step.rows * places_;
    // One number has no variance to estimate: its zero is taken as it is.
    const T unbiased = T(count) / T(std::max<index_t>(1, count - 1));
    for (index_t c = 0; c < channels_; ++c) {
        mean[c] = (T(1) - momentum_) * mean[c] + momentum_ * own.mean[c * places_];
        variance[c] = (T(1) - momentum_) * variance[c] + momentum_ * unbiased * own.variance[c * places_];
    }
}

template class BatchNorm<float>;
template class BatchNorm<double>;

}  // namespace steepest
