#include "ops/loss.hpp"

#include <algorithm>

namespace steepest {

template <class T>
LossHead<T>::LossHead(const KernelTable<T>& kernels, Value<T>* output, index_t capacity)
    : kernels_(kernels),
      output_(output),
      capacity_(capacity),
      target_stride_(output->data.stride),
      row_loss_(capacity),
      weights_(capacity),
      labels_(capacity),
      chunk_loss_(ceil_div(capacity, kRowChunk)),
      chunk_correct_(ceil_div(capacity, kRowChunk)) {}

template <class T>
void LossHead<T>::prepare(Loss kind, const DataSet& data) {
    kind_ = kind;
    labelled_ = data.labels != nullptr;
    weighted_ = data.weights != nullptr;
    if (!labelled_ && targets_.size() == 0) targets_ = AlignedBuffer<T>(capacity_ * target_stride_);
}

template <class T>
double LossHead<T>::batch_weight(const DataSet& data, const std::int64_t* order, index_t count) {
    if (data.weights == nullptr) return double(count);
    double sum = 0.0;
    for (index_t r = 0; r < count; ++r) sum += data.weights[order[r]];
    return sum;
}

template <class T>
void LossHead<T>::gather(const DataSet& data, const std::int64_t* order, Rows rows) {
    std::int32_t* labels = labels_.data() + rows.begin;
    T* weights = weights_.data() + rows.begin;
    for (index_t i = 0; i < rows.count() && labelled_; ++i) labels[i] = data.labels[order[i]];
    for (index_t i = 0; i < rows.count() && weighted_; ++i) weights[i] = T(data.weights[order[i]]);
    if (labelled_) return;
    const auto& t = data.targets;
    kernels_.gather(t.type, rows.count(), t.cols, t.base, t.row_bytes, t.col_bytes, order,
                    targets_.data() + rows.begin * target_stride_, target_stride_);
}

template <class T>
void LossHead<T>::run(Rows rows, double scale, bool gradient) {
    const auto& output = output_->data;
    const auto& grad = output_->gradient;
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        LossRows<T> args{};
        args.rows = std::min(kRowChunk, rows.end - r);
        args.cols = output.cols;
        args.output = output.row(r);
        args.ldo = output.stride;
        args.labels = labelled_ ? labels_.data() + r : nullptr;
        args.targets = labelled_ ? nullptr : targets_.data() + r * target_stride_;
        args.ldt = target_stride_;
        args.weights = weighted_ ? weights_.data() + r : nullptr;
        args.scale = T(scale);
        args.gradient = gradient ? grad.row(r) : nullptr;
        args.ldg = grad.stride;
        args.row_loss = row_loss_.data() + r;
        kernels_.loss[int(kind_)](args);
        double sum = 0.0;
        for (index_t i = 0; i < args.rows; ++i)
            sum += double(args.row_loss[i]) * (weighted_ ? double(args.weights[i]) : 1.0);
        chunk_loss_.data()[r / kRowChunk] = sum;
        chunk_correct_.data()[r / kRowChunk] = args.correct;
    }
}

template <class T>
double LossHead<T>::loss_sum(Rows rows) const {
    double sum = 0.0;
    for (index_t c = rows.begin / kRowChunk; c < ceil_div(rows.end, kRowChunk); ++c) sum += chunk_loss_.data()[c];
    return sum;
}

template <class T>
index_t LossHead<T>::correct(Rows rows) const {
    index_t sum = 0;
    for (index_t c = rows.begin / kRowChunk; c < ceil_div(rows.end, kRowChunk); ++c) sum += chunk_correct_.data()[c];
    return sum;
}

template class LossHead<float>;
template class LossHead<double>;

}  // namespace steepest
