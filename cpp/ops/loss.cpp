#include "ops/loss.hpp"

#include <algorithm>

namespace steepest {

template <class T>
LossHead<T>::LossHead(const KernelTable<T>& kernels, Value<T>* output, index_t capacity, Failure& failure)
    : kernels_(kernels),
      output_(output),
      failure_(failure),
      capacity_(capacity),
      target_stride_(output->data.stride),
      row_loss_(capacity),
      weights_(capacity),
      labels_(capacity),
      chunk_loss_(ceil_div(capacity, kRowChunk)),
      chunk_correct_(ceil_div(capacity, kRowChunk)) {}

template <class T>
void LossHead<T>::prepare(const LossSpec& spec, const DataSet& data) {
    spec_ = spec;
    labelled_ = data.labels != nullptr;
    weighted_ = data.weights != nullptr;
    if ((!labelled_ || spec_.host) && targets_.size() == 0) targets_ = AlignedBuffer<T>(capacity_ * target_stride_);
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
    double* weights = weights_.data() + rows.begin;
    for (index_t i = 0; i < rows.count() && labelled_; ++i) labels[i] = data.labels[order[i]];
    for (index_t i = 0; i < rows.count() && weighted_; ++i) weights[i] = data.weights[order[i]];
    // A host's loss reads labels as one column of its targets.
    for (index_t i = 0; i < rows.count() && labelled_ && spec_.host; ++i)
        targets_.data()[(rows.begin + i) * target_stride_] = T(labels[i]);
    if (labelled_) return;
    const auto& t = data.targets;
    kernels_.gather(t.type, rows.count(), t.cols, t.base, t.row_bytes, t.col_bytes, order,
                    targets_.data() + rows.begin * target_stride_, target_stride_);
}

template <class T>
void LossHead<T>::run(const Step<T>& step, Rows rows, double scale, bool gradient, const Worker& worker) {
    if (spec_.host)
        run_host(step, rows, scale * spec_.factor, gradient, worker);
    else
        run_kernel(rows, scale * spec_.factor, gradient);
}

template <class T>
void LossHead<T>::run_kernel(Rows rows, double scale, bool gradient) {
    const auto& output = output_->data;
    const auto& grad = output_->gradient;
    T shares[kRowChunk];
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        LossRows<T> args{};
        args.rows = std::min(kRowChunk, rows.end - r);
        // A row's share of the batch's weight: in float the weight may be beyond all numbers, as a likelihood's often is, and the share not.
        for (index_t i = 0; i < args.rows && weighted_; ++i) shares[i] = T(scale * weights_.data()[r + i]);
        args.cols = output.cols;
        args.output = output.row(r);
        args.ldo = output.stride;
        args.labels = labelled_ ? labels_.data() + r : nullptr;
        args.targets = labelled_ ? nullptr : targets_.data() + r * target_stride_;
        args.ldt = target_stride_;
        args.weights = weighted_ ? shares : nullptr;
        args.scale = weighted_ ? T(1) : T(scale);
        args.alpha = spec_.alpha;
        args.smoothing = spec_.smoothing;
        args.gradient = gradient ? grad.row(r) : nullptr;
        args.ldg = grad.stride;
        args.row_loss = row_loss_.data() + r;
        kernels_.loss[int(spec_.kind)](args);
        add_up({r, r + args.rows});
        chunk_correct_.data()[r / kRowChunk] = args.correct;
    }
}

// The row losses of one chunk, weighted, in order.
template <class T>
void LossHead<T>::add_up(Rows chunk) {
    double sum = 0.0;
    for (index_t r = chunk.begin; r < chunk.end; ++r)
        sum += double(row_loss_.data()[r]) * (weighted_ ? weights_.data()[r] : 1.0);
    chunk_loss_.data()[chunk.begin / kRowChunk] = sum * spec_.factor;
}

template <class T>
void LossHead<T>::call_host(Rows rows, bool gradient) {
    if (failure_.failed()) return;
    const MatrixView<T> losses{row_loss_.data(), capacity_, 1, 1};
    const MatrixView<T> targets{targets_.data(), capacity_, labelled_ ? 1 : output_->data.cols, target_stride_};
    const MatrixView<T> grad = gradient ? output_->gradient : MatrixView<T>{};
    try {
        spec_.host->call(host_array(output_->data, rows.begin, rows.end), host_array(targets, rows.begin, rows.end),
                         host_array(losses, rows.begin, rows.end), host_array(grad, rows.begin, rows.end));
    } catch (...) {
        failure_.keep(std::current_exception());
    }
}

template <class T>
void LossHead<T>::run_host(const Step<T>& step, Rows rows, double scale, bool gradient, const Worker& worker) {
    if (step.shared) {
        worker.barrier();
        if (worker.id == 0) call_host({0, step.rows}, gradient);
        worker.barrier();
    } else {
        call_host(rows, gradient);
    }
    for (index_t r = rows.begin; r < rows.end && gradient; ++r) {
        const T factor = T(scale * (weighted_ ? weights_.data()[r] : 1.0));
        for (index_t j = 0; j < output_->data.cols; ++j) output_->gradient.row(r)[j] *= factor;
    }
    for (index_t r = rows.begin; r < rows.end; r += kRowChunk) {
        add_up({r, std::min(r + kRowChunk, rows.end)});
        chunk_correct_.data()[r / kRowChunk] = 0;
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
