#include "ops/rowwise.hpp"

#include <algorithm>

#include "ops/hand_over.hpp"

namespace steepest {

// y = f(x), row by row
template <class T>
void RowFunctionOperation<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    this->kernels_.row_forward[int(function_)](rows.count(), x.cols, x.row(rows.begin), x.stride, y.row(rows.begin),
                                               y.stride);
}

// y = f(x):  dx_i = sum_j dy_j dy_j / dx_i, from y
template <class T>
void RowFunctionOperation<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    if (site.inputs[0]->gradient.data == nullptr) return;
    const auto& y = site.output->data;
    const auto& dy = site.output->gradient;
    const auto dx = gradient_target(site);
    this->kernels_.row_backward[int(function_)](rows.count(), y.cols, y.row(rows.begin), y.stride, dy.row(rows.begin),
                                                dy.stride, dx.row(rows.begin), dx.stride);
    hand_over(this->kernels_, site, rows);
}

template <class T>
index_t LayerNorm<T>::workspace(index_t capacity, int /*workers*/) const {
    return 2 * round_up(capacity, kAlignment) + 2 * (ceil_div(capacity, kRowChunk) + 1) * stride();
}

template <class T>
void LayerNorm<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    mean_ = workspace;
    inv_std_ = mean_ + round_up(site.capacity, kAlignment);
    sum_dy_ = inv_std_ + round_up(site.capacity, kAlignment);
    sum_dy_xhat_ = sum_dy_ + (chunks() + 1) * stride();
}

template <class T>
void LayerNorm<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    const auto& x = site.inputs[0]->data;
    const auto& y = site.output->data;
    this->kernels_.layer_norm_forward(rows.count(), width_, x.row(rows.begin), x.stride, site.parameters[0].data,
                                      site.parameters[1].data, epsilon_, y.row(rows.begin), y.stride,
                                      mean_ + rows.begin, inv_std_ + rows.begin, false);
}

// y = gamma xhat + beta, xhat = (x - mean) inv_std, mean and inv_std functions of the row:
//   dx = inv_std (g - mean(g) - xhat mean(g xhat)),  g = gamma dy
template <class T>
void LayerNorm<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& k = this->kernels_;
    const auto& site = this->site_;
    const auto& x = site.inputs[0]->data;
    const auto& dy = site.output->gradient;
    if (dy.data == nullptr) return;
    const bool wanted = site.inputs[0]->gradient.data != nullptr;
    const auto dx = wanted ? gradient_target(site) : MatrixView<T>{};
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        const index_t count = std::min(kRowChunk, rows.end - r), at = r / kRowChunk * stride();
        if (wanted)
            k.layer_norm_backward(count, width_, x.row(r), x.stride, dy.row(r), dy.stride, mean_ + r, inv_std_ + r,
                                  site.parameters[0].data, dx.row(r), dx.stride, sum_dy_ + at, sum_dy_xhat_ + at,
                                  false);
        else
            k.layer_norm_sums(count, width_, x.row(r), x.stride, dy.row(r), dy.stride, mean_ + r, inv_std_ + r,
                              sum_dy_ + at, sum_dy_xhat_ + at);
    }
    if (!wanted) return;
    hand_over(k, site, rows);
}

// y = gamma xhat + beta:  dgamma = sum over rows of dy xhat,  dbeta = sum over rows of dy
template <class T>
void LayerNorm<T>::parameter_task(const Step<T>& step, index_t /*task*/, const Worker& /*worker*/) {
    const auto& parameters = this->site_.parameters;
    const index_t used = ceil_div(step.rows, kRowChunk);
    T* dgamma = sum_dy_xhat_ + chunks() * stride();
    T* dbeta = sum_dy_ + chunks() * stride();
    this->kernels_.column_sums(used, width_, sum_dy_xhat_, stride(), dgamma);
    this->kernels_.column_sums(used, width_, sum_dy_, stride(), dbeta);
    if (parameters[0].trainable) step.update->apply(parameters[0], 0, 0, 1, width_, dgamma, width_);
    if (parameters[1].trainable) step.update->apply(parameters[1], 0, 0, 1, width_, dbeta, width_);
}

template class RowFunctionOperation<float>;
template class RowFunctionOperation<double>;
template class LayerNorm<float>;
template class LayerNorm<double>;

}  // namespace steepest
