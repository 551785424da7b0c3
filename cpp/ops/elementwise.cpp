#include "ops/elementwise.hpp"

#include "ops/hand_over.hpp"

namespace steepest {

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
    const auto dx = gradient_target(site);
    this->kernels_.activation_backward[int(activation_)](rows.count(), dy.cols, saved.row(rows.begin), saved.stride,
                                                         dy.row(rows.begin), dy.stride, dx.row(rows.begin), dx.stride,
                                                         {alpha_});
    hand_over(this->kernels_, site, rows);
}

template <class T>
Dropout<T>::Dropout(const KernelTable<T>& kernels, double rate, std::uint32_t stream)
    : Operation<T>(kernels),
      threshold_(static_cast<std::uint32_t>(rate * 4294967296.0)),
      scale_(T(1.0 / (1.0 - rate))),
      stream_(stream) {}

template <class T>
void Dropout<T>::bind(const Site<T>& site, T* /*workspace*/) {
    this->site_ = site;
    words_ = ceil_div(site.output->data.cols, 64);
    mask_ = AlignedBuffer<std::uint64_t>(site.capacity * words_);
}

template <class T>
void Dropout<T>::apply(Rows rows, const MatrixView<T>& from, const MatrixView<T>& to) const {
    this->kernels_.apply_mask(rows.count(), from.cols, from.row(rows.begin), from.stride,
                              mask_.data() + rows.begin * words_, words_, scale_, to.row(rows.begin), to.stride);
}

// y = x * mask, mask in {0, 1 / (1 - rate)}
template <class T>
void Dropout<T>::forward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    if (!step.training) return copy_rows(rows, x, y);
    this->kernels_.dropout_mask(rows.count(), x.cols, rows.begin, threshold_, MaskKey{step.seed, step.number, stream_},
                                mask_.data() + rows.begin * words_, words_);
    apply(rows, x, y);
}

// y = x * mask:  dx = dy * mask
template <class T>
void Dropout<T>::backward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    if (site.inputs[0]->gradient.data == nullptr) return;
    const auto& dy = site.output->gradient;
    if (step.training)
        apply(rows, dy, gradient_target(site));
    else
        copy_rows(rows, dy, gradient_target(site));
    hand_over(this->kernels_, site, rows);
}

// y = x + sigma n
template <class T>
void GaussianNoise<T>::forward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    if (!step.training) return copy_rows(rows, x, y);
    this->kernels_.gaussian_noise(rows.count(), x.cols, rows.begin, x.row(rows.begin), x.stride, y.row(rows.begin),
                                  y.stride, sigma_, MaskKey{step.seed, step.number, stream_});
}

// y = x + sigma n:  dx = dy
template <class T>
void GaussianNoise<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    if (site.inputs[0]->gradient.data == nullptr) return;
    copy_rows(rows, site.output->gradient, gradient_target(site));
    hand_over(this->kernels_, site, rows);
}

template class GaussianNoise<float>;
template class GaussianNoise<double>;
template class ActivationOperation<float>;
template class ActivationOperation<double>;
template class Dropout<float>;
template class Dropout<double>;

}  // namespace steepest
