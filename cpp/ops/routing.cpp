#include "ops/routing.hpp"

#include <algorithm>

#include "ops/hand_over.hpp"

namespace steepest {

namespace {

// from's gradient goes to `to` as it is, or is added to what is there.
template <class T>
void pass_on(const KernelTable<T>& kernels, Rows rows, const MatrixView<T>& from, const MatrixView<T>& to, bool add) {
    if (to.data == nullptr) return;
    if (add)
        kernels.add(rows.count(), to.cols, from.row(rows.begin), from.stride, to.row(rows.begin), to.stride);
    else
        copy_rows(rows, from, to);
}

template <class T>
MatrixView<T> columns_of(const MatrixView<T>& view, index_t first, index_t count) {
    return {view.data + first, view.rows, count, view.stride};
}

}  // namespace

// y = x_1 + x_2 + ...
template <class T>
void Sum<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& y = this->site_.output->data;
    copy_rows(rows, this->site_.inputs[0]->data, y);
    for (std::size_t i = 1; i < this->site_.inputs.size(); ++i) {
        const auto& x = this->site_.inputs[i]->data;
        this->kernels_.add(rows.count(), y.cols, x.row(rows.begin), x.stride, y.row(rows.begin), y.stride);
    }
}

// y = x_1 + x_2 + ...:  dx_i = dy
template <class T>
void Sum<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    for (std::size_t i = 0; i < site.inputs.size(); ++i)
        pass_on(this->kernels_, rows, site.output->gradient, site.inputs[i]->gradient, site.add_gradient[i]);
}

// y = [x_1, x_2, ...]
template <class T>
void Concatenate<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    index_t first = 0;
    for (const auto* input : this->site_.inputs) {
        copy_rows(rows, input->data, columns_of(this->site_.output->data, first, input->data.cols));
        first += input->data.cols;
    }
}

// y = [x_1, x_2, ...]:  dx_i = its columns of dy
template <class T>
void Concatenate<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& site = this->site_;
    index_t first = 0;
    for (std::size_t i = 0; i < site.inputs.size(); ++i) {
        const auto& input = *site.inputs[i];
        pass_on(this->kernels_, rows, columns_of(site.output->gradient, first, input.data.cols), input.gradient,
                site.add_gradient[i]);
        first += input.data.cols;
    }
}

// y_j = x_(columns[j])
template <class T>
void Select<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    const auto& y = this->site_.output->data;
    for (index_t r = rows.begin; r < rows.end; ++r)
        for (std::size_t j = 0; j < columns_.size(); ++j) y.row(r)[j] = x.row(r)[columns_[j]];
}

// y_j = x_(columns[j]):  dx_c = sum of dy_j over the j with columns[j] == c
template <class T>
void Select<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& dx = this->site_.inputs[0]->gradient;
    const auto& dy = this->site_.output->gradient;
    if (dx.data == nullptr) return;
    for (index_t r = rows.begin; r < rows.end; ++r) {
        if (!this->site_.add_gradient[0]) std::fill_n(dx.row(r), dx.cols, T(0));
        for (std::size_t j = 0; j < columns_.size(); ++j) dx.row(r)[columns_[j]] += dy.row(r)[j];
    }
}

template <class T>
index_t Embedding<T>::workspace(index_t /*capacity*/, int workers) const {
    return workers * kBlock * width_;
}

template <class T>
void Embedding<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    gradients_ = workspace;
}

template <class T>
index_t Embedding<T>::category(index_t row) const {
    const T x = this->site_.inputs[0]->data.row(row)[0];
    // Compared before it is converted: the conversion of NaN or 1e30 to an integer is undefined.
    if (!(x >= T(0)) || !(x < T(table().rows))) return -1;
    return static_cast<index_t>(x);
}

// y = E[x]
template <class T>
void Embedding<T>::forward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& y = this->site_.output->data;
    for (index_t r = rows.begin; r < rows.end; ++r) {
        const index_t c = category(r);
        if (c < 0)
            std::fill_n(y.row(r), width_, T(0));
        else
            std::copy_n(table().data + c * width_, width_, y.row(r));
    }
}

// A category number has no gradient: its input gets zeros.
template <class T>
void Embedding<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& dx = this->site_.inputs[0]->gradient;
    if (dx.data == nullptr || this->site_.add_gradient[0]) return;
    for (index_t r = rows.begin; r < rows.end; ++r) dx.row(r)[0] = T(0);
}

// y_r = E[x_r]:  dE[c] = sum of dy_r over the rows r with x_r == c, in increasing r
template <class T>
void Embedding<T>::parameter_task(const Step<T>& step, index_t task, const Worker& worker) {
    const index_t first = task * kBlock;
    const index_t count = std::min(kBlock, table().rows - first);
    T* g = gradients_ + worker.id * kBlock * width_;
    std::fill_n(g, count * width_, T(0));
    const auto& dy = this->site_.output->gradient;
    for (index_t r = 0; r < step.rows; ++r) {
        const index_t c = category(r) - first;
        if (c < 0 || c >= count) continue;
        for (index_t j = 0; j < width_; ++j) g[c * width_ + j] += dy.row(r)[j];
    }
    step.update->apply(table(), first, 0, count, width_, g, width_);
}

#define STEEPEST_INSTANTIATE(T)    \
    template class Sum<T>;         \
    template class Concatenate<T>; \
    template class Select<T>;      \
    template class Embedding<T>;
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
