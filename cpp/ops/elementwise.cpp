#include "ops/elementwise.hpp"

#include <cstring>

namespace steepest {

namespace {

template <class T>
void copy_rows(Rows rows, const MatrixView<T>& from, const MatrixView<T>& to) {
    if (from.data == to.data) return;
    for (index_t r = rows.begin; r < rows.end; ++r)
        std::memcpy(to.row(r), from.row(r), std::size_t(from.cols) * sizeof(T));
}

// Hands dx, computed in place of dy, to the input's gradient.
template <class T>
void hand_over(const KernelTable<T>& kernels, const Site<T>& site, Rows rows) {
    const auto& dx = site.output->gradient;
    const auto& to = site.inputs[0]->gradient;
    if (site.add_gradient[0])
        kernels.add(rows.count(), dx.cols, dx.row(rows.begin), dx.stride, to.row(rows.begin), to.stride);
    else
        copy_rows(rows, dx, to);
}

}  // namespace

// y = f(x)
template <class T>
void ActivationOperation<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    this->kernels_.activation_forward[int(activation_)](rows.count(), x.cols, x.row(rows.begin), x.stride,
                                                        y.row(rows.begin), y.stride, {alpha_});
}

// y = f(x):  dx = dy f'(x)
template <class T>
void ActivationOperation<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    if (site.inputs[0]->gradient.data == nullptr) return;
    const bool from_input = activation_needs(activation_) == ActivationNeeds::input;
    const auto& saved = from_input ? site.inputs[0]->data : site.output->data;
    const auto& dy = site.output->gradient;
    const bool direct = !site.add_gradient[0];
    const auto& dx = direct ? site.inputs[0]->gradient : dy;
    this->kernels_.activation_backward[int(activation_)](rows.count(), dy.cols, saved.row(rows.begin), saved.stride,
                                                         dy.row(rows.begin), dy.stride, dx.row(rows.begin), dx.stride,
                                                         {alpha_});
    if (!direct) hand_over(this->kernels_, site, rows);
}

template <class T>
Dropout<T>::Dropout(const KernelTable<T>& kernels, double rate, std::uint32_t stream)
    : Operation<T>(kernels),
      threshold_(static_cast<std::uint32_t>(rate * 4294967296.0)),
      scale_(T(1.0 / (1.0 - rate))),
      stream_(stream) {}

template <class T>
void Dropout<T>::mask(const Step<T>& step, Rows rows, const MatrixView<T>& from, const MatrixView<T>& to) const {
    this->kernels_.dropout(rows.count(), from.cols, rows.begin, from.row(rows.begin), from.stride, to.row(rows.begin),
                           to.stride, threshold_, scale_, MaskKey{step.seed, step.number, stream_});
}

// y = x * mask, mask in {0, 1 / (1 - rate)}
template <class T>
void Dropout<T>::forward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    if (step.training)
        mask(step, rows, x, y);
    else
        copy_rows(rows, x, y);
}

// y = x * mask:  dx = dy * mask
template <class T>
void Dropout<T>::backward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    if (site.inputs[0]->gradient.data == nullptr) return;
    const auto& dy = site.output->gradient;
    if (!step.training) return hand_over(this->kernels_, site, rows);
    const bool direct = !site.add_gradient[0];
    mask(step, rows, dy, direct ? site.inputs[0]->gradient : dy);
    if (!direct) hand_over(this->kernels_, site, rows);
}

template class ActivationOperation<float>;
template class ActivationOperation<double>;
template class Dropout<float>;
template class Dropout<double>;

}  // namespace steepest
