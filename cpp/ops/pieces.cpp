#include "ops/pieces.hpp"

#include <algorithm>

#include "ops/hand_over.hpp"

namespace steepest {

template <class T>
index_t PRelu<T>::workspace(index_t capacity, int /*workers*/) const {
    return (ceil_div(capacity, kRowChunk) + 2) * stride();
}

template <class T>
void PRelu<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    slopes_ = workspace;
    sums_ = workspace + stride();
}

template <class T>
void PRelu<T>::spread() const {
    const T* slope = this->site_.parameters[0].data;
    const index_t n = places();
    for (index_t j = 0; j < width_; ++j) slopes_[j] = slope[j / n];
}

template <class T>
void PRelu<T>::refresh(const Worker& worker) {
    if (worker.id == 0) spread();
}

// y = max(x, 0) + slope min(x, 0)
template <class T>
void PRelu<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    this->kernels_.prelu_forward(rows.count(), width_, x.row(rows.begin), x.stride, slopes_, y.row(rows.begin),
                                 y.stride);
}

// y = max(x, 0) + slope min(x, 0):  dx = dy (x > 0 ? 1 : slope),  dslope = sum of dy min(x, 0)
template <class T>
void PRelu<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& k = this->kernels_;
    const auto& site = this->site_;
    const auto& x = site.inputs[0]->data;
    const auto& dy = site.output->gradient;
    if (dy.data == nullptr) return;
    const bool onward = site.inputs[0]->gradient.data != nullptr;
    const auto dx = onward ? gradient_target(site) : MatrixView<T>{};
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk)
        k.prelu_backward(std::min(kRowChunk, rows.end - r), width_, x.row(r), x.stride, slopes_, dy.row(r), dy.stride,
                         onward ? dx.row(r) : nullptr, dx.stride, sums_ + r / kRowChunk * stride(), false);
    if (onward) hand_over(k, site, rows);
}

template <class T>
void PRelu<T>::parameter_task(const Step<T>& step, index_t /*task*/, const Worker& /*worker*/) {
    const auto& slope = this->site_.parameters[0];
    T* total = sums_ + ceil_div(this->site_.capacity, kRowChunk) * stride();
    this->kernels_.column_sums(ceil_div(step.rows, kRowChunk), width_, sums_, stride(), total);
    const index_t n = places();
    for (index_t c = 0; n > 1 && c < slope.cols; ++c) {
        double sum = 0.0;
        for (index_t j = 0; j < n; ++j) sum += double(total[c * n + j]);
        total[c] = T(sum);  // of columns that are summed up already
    }
    step.update->apply(slope, 0, 0, 1, slope.cols, total, width_);
    spread();
}

template <class T>
void MaxPieces<T>::bind(const Site<T>& site, T* /*workspace*/) {
    this->site_ = site;
    which_ = AlignedBuffer<std::uint16_t>(site.capacity * units_);
}

// y_u = max_i z_(u k + i)
template <class T>
void MaxPieces<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& z = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    this->kernels_.maxout_forward(rows.count(), units_, pieces_, z.row(rows.begin), z.stride, y.row(rows.begin),
                                  y.stride, which_.data() + rows.begin * units_, units_);
}

// y_u = max_i z_(u k + i):  dz is dy at the winner, which the forward pass noted, and 0 elsewhere
template <class T>
void MaxPieces<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    const auto& dy = site.output->gradient;
    const auto& dz = site.inputs[0]->gradient;
    if (dz.data == nullptr) return;
    const std::uint16_t* which = which_.data() + rows.begin * units_;
    if (!site.add_gradient[0]) {
        this->kernels_.maxout_backward(rows.count(), units_, pieces_, which, units_, dy.row(rows.begin), dy.stride,
                                       dz.row(rows.begin), dz.stride);
        return;
    }
    for (index_t r = rows.begin; r < rows.end; ++r, which += units_)
        for (index_t u = 0; u < units_; ++u) dz.row(r)[u * pieces_ + which[u]] += dy.row(r)[u];
}

template class PRelu<float>;
template class PRelu<double>;
template class MaxPieces<float>;
template class MaxPieces<double>;

}  // namespace steepest
