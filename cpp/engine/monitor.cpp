#include "engine/monitor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace steepest {

namespace {

// Side by side, so that the compiler may use a vector and no chain of additions waits.
constexpr int kLanes = 8;

template <class T>
double add_lanes(const T* lanes) {
    double sum = 0.0;
    for (int i = 0; i < kLanes; ++i) sum += double(lanes[i]);
    return sum;
}

template <class T>
double squared_length(const T* x, index_t n) {
    T lanes[kLanes] = {};
    index_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int j = 0; j < kLanes; ++j) lanes[j] += x[i + j] * x[i + j];
    for (int j = 0; i + j < n; ++j) lanes[j] += x[i + j] * x[i + j];
    return add_lanes(lanes);
}

template <class T>
double squared_distance(const T* x, const T* y, index_t n) {
    T lanes[kLanes] = {};
    index_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int j = 0; j < kLanes; ++j) lanes[j] += (x[i + j] - y[i + j]) * (x[i + j] - y[i + j]);
    for (int j = 0; i + j < n; ++j) lanes[j] += (x[i + j] - y[i + j]) * (x[i + j] - y[i + j]);
    return add_lanes(lanes);
}

// <x - y, g>
template <class T>
double inner_difference(const T* x, const T* y, const T* g, index_t n) {
    T lanes[kLanes] = {};
    index_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (int j = 0; j < kLanes; ++j) lanes[j] += (x[i + j] - y[i + j]) * g[i + j];
    for (int j = 0; i + j < n; ++j) lanes[j] += (x[i + j] - y[i + j]) * g[i + j];
    return add_lanes(lanes);
}

double divide(double a, double b) { return b > 0.0 ? a / b : std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

template <class T>
Monitor<T>::Monitor(const Program& program, const Tensors<T>& tensors, std::vector<WatchedLayer> layers)
    : layers_(std::move(layers)),
      row_squares_(kRows),
      first_look_(layers_.size()),
      sums_(layers_.size()),
      losses_(kLossSegments) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const index_t width = program.values[std::size_t(layers_[l].value)];
        widths_.push_back(width);
        alive_.emplace_back(std::size_t(width));
        for (index_t begin = 0; begin < width; begin += kColumns)
            columns_.push_back({int(l), begin, std::min(kColumns, width - begin), 0.0, 0.0, 0.0, 0.0});
    }
    add_parameters(program, tensors);
    index_t end = 0;
    for (const auto& p : tensors.parameters) end = std::max(end, p.offset + p.rows * p.cols);
    before_ = AlignedBuffer<T>(end);
    gradients_ = AlignedBuffer<T>(end);
}

template <class T>
void Monitor<T>::add_parameters(const Program& program, const Tensors<T>& tensors) {
    const std::size_t count = tensors.parameters.size();
    std::vector<int> layer(count, -1);
    std::vector<bool> noisy(count, false);
    for (std::size_t l = 0; l < layers_.size(); ++l)
        for (const int p : layers_[l].parameters) layer[std::size_t(p)] = int(l);
    for (const auto& op : program.operations) {
        if (op.kind != "dense") continue;
        const bool weight = tensors.parameters[std::size_t(op.parameters[0])].trainable;
        const bool bias = op.parameters.size() > 1 && tensors.parameters[std::size_t(op.parameters[1])].trainable;
        if (weight || bias) terms_.push_back({op.inputs[0], op.output, weight, bias});
        for (const int p : op.parameters) noisy[std::size_t(p)] = true;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const auto& p = tensors.parameters[i];
        if (!p.trainable || (layer[i] < 0 && !noisy[i])) continue;
        const index_t n = p.rows * p.cols;
        for (index_t begin = 0; begin < n; begin += kPiece)
            pieces_.push_back({layer[i], &p, noisy[i], begin, std::min(kPiece, n - begin), 0.0, 0.0, 0.0, 0.0});
    }
    // A layer's pieces one after the other, for add_up().
    std::sort(pieces_.begin(), pieces_.end(), [](const auto& a, const auto& b) {
        return std::tie(a.layer, a.parameter, a.begin) < std::tie(b.layer, b.parameter, b.begin);
    });
}

template <class T>
void Monitor<T>::begin_epoch(std::uint64_t first, index_t count, std::vector<std::uint64_t> chosen) {
    first_ = first;
    count_ = std::max<index_t>(count, 1);
    chosen_ = std::move(chosen);
    samples_ = 0;
    noise_trace_ = gradient_square_ = descent_ = 0.0;
    std::fill(sums_.begin(), sums_.end(), LayerSums{});
    std::fill(losses_.begin(), losses_.end(), LossSegment{});
    for (auto& units : alive_) std::fill(units.begin(), units.end(), char(0));
    spikes_.forget_events();
}

template <class T>
bool Monitor<T>::due(std::uint64_t step) const {
    return std::binary_search(chosen_.begin(), chosen_.end(), step);
}

template <class T>
void Monitor<T>::note(std::uint64_t step, double loss) {
    const auto part = std::size_t(index_t(step - first_) * kLossSegments / count_);
    LossSegment& segment = losses_[std::min(part, std::size_t(kLossSegments - 1))];
    segment.most = segment.count == 0.0 ? loss : std::max(segment.most, loss);
    segment.count += 1.0;
    segment.sum += loss;
    segment.squares += loss * loss;
    spikes_.note(step, loss);
}

// Sums over the rows of a piece of columns, counted from the first row's values: the deviation of a unit between rows may be small
// beside its value.
template <class T>
void Monitor<T>::look_at_columns(const Value<T>& value, index_t rows, ColumnPiece* piece) {
    const WatchedLayer& layer = layers_[std::size_t(piece->layer)];
    char* alive = alive_[std::size_t(piece->layer)].data() + piece->begin;
    const T* origin = value.data.row(0) + piece->begin;
    const T low = T(layer.low);
    const T high = T(layer.high);
    T sum[kColumns] = {};
    T squares[kColumns] = {};
    T size[kColumns] = {};
    T saturated[kColumns] = {};
    for (index_t r = 0; r < rows; ++r) {
        const T* x = value.data.row(r) + piece->begin;
        for (index_t j = 0; j < piece->count; ++j) {
            const T off = x[j] - origin[j];
            sum[j] += off;
            squares[j] += off * off;
            size[j] += std::abs(x[j]);
        }
        for (index_t j = 0; j < piece->count && layer.ends; ++j) saturated[j] += T(x[j] < low) + T(x[j] > high);
    }
    for (index_t j = 0; j < piece->count && layer.dies; ++j) alive[j] = char(alive[j] | char(size[j] != T(0)));
    piece->sum = piece->squares = piece->unit_variance = piece->saturated = 0.0;
    for (index_t j = 0; j < piece->count; ++j) {
        const double n = double(rows);
        const double shift = double(origin[j]);
        const double mean_off = double(sum[j]) / n;
        piece->sum += n * (shift + mean_off);
        piece->squares += double(squares[j]) + n * shift * (shift + 2.0 * mean_off);
        piece->unit_variance += double(squares[j]) / n - mean_off * mean_off;
        piece->saturated += double(saturated[j]);
    }
}

// dW = x^T dz: the share of row i is the outer product of x_i and dz_i, whose squared length is |x_i|^2 |dz_i|^2 (Goodfellow 2015,
// "Efficient per-example gradient computations"); db = dz_i.
template <class T>
void Monitor<T>::look_at_rows(Plan<T>& plan, index_t row) {
    double sum = 0.0;
    for (const auto& term : terms_) {
        const auto& x = plan.value(term.input).data;
        const auto& dz = plan.value(term.output).gradient;
        const double length = (term.weight ? squared_length(x.row(row), x.cols) : 0.0) + (term.bias ? 1.0 : 0.0);
        sum += length * squared_length(dz.row(row), dz.cols);
    }
    row_squares_[std::size_t(row)] = sum;
}

template <class T>
void Monitor<T>::before_update(Plan<T>& plan, const Step<T>& step, const Worker& worker) {
    const index_t rows = std::min(step.rows, kRows);
    if (worker.id == 0) {
        rows_ = rows;
        batch_ = step.rows;
    }
    index_t begin = 0;
    index_t end = 0;
    worker.share(index_t(columns_.size()), 1, &begin, &end);
    for (index_t i = begin; i < end; ++i) {
        ColumnPiece& piece = columns_[std::size_t(i)];
        look_at_columns(plan.value(layers_[std::size_t(piece.layer)].value), rows, &piece);
    }
    worker.share(rows, 1, &begin, &end);
    for (index_t r = begin; r < end; ++r) look_at_rows(plan, r);
    worker.share(index_t(pieces_.size()), 1, &begin, &end);
    for (index_t i = begin; i < end; ++i) {
        const ParameterPiece& piece = pieces_[std::size_t(i)];
        if (piece.layer < 0) continue;
        const T* w = piece.parameter->data + piece.begin;
        std::copy(w, w + piece.count, before_.data() + piece.parameter->offset + piece.begin);
    }
    worker.barrier();
}

template <class T>
void Monitor<T>::look_at_parameters(ParameterPiece* piece) const {
    const index_t at = piece->parameter->offset + piece->begin;
    piece->gradient = squared_length(gradients_.data() + at, piece->count);
    if (piece->layer < 0) return;
    piece->weight = squared_length(before_.data() + at, piece->count);
    const T* w = piece->parameter->data + piece->begin;
    piece->update = squared_distance(before_.data() + at, w, piece->count);
    piece->descent = inner_difference(before_.data() + at, w, gradients_.data() + at, piece->count);
}

template <class T>
void Monitor<T>::after_update(const Worker& worker) {
    index_t begin = 0;
    index_t end = 0;
    worker.share(index_t(pieces_.size()), 1, &begin, &end);
    for (index_t i = begin; i < end; ++i) look_at_parameters(&pieces_[std::size_t(i)]);
    worker.barrier();
    if (worker.id == 0) add_up();
}

template <class T>
void Monitor<T>::add_up() {
    samples_ += 1;
    for (const auto& piece : columns_) {
        LayerSums& s = sums_[std::size_t(piece.layer)];
        s.sum += piece.sum;
        s.squares += piece.squares;
        s.unit_variance += piece.unit_variance;
        s.saturated += piece.saturated;
        s.entries += double(rows_ * piece.count);
        s.unit_terms += double(piece.count);
    }
    double noisy = 0.0;
    for (std::size_t i = 0; i < pieces_.size();) {
        const int layer = pieces_[i].layer;
        double update = 0.0;
        double weight = 0.0;
        double gradient = 0.0;
        for (; i < pieces_.size() && pieces_[i].layer == layer; ++i) {
            update += pieces_[i].update;
            weight += pieces_[i].weight;
            gradient += pieces_[i].gradient;
            if (pieces_[i].noisy) noisy += pieces_[i].gradient;
            if (layer >= 0) descent_ += pieces_[i].descent;
        }
        if (layer < 0) continue;
        LayerSums& s = sums_[std::size_t(layer)];
        s.samples += 1.0;
        s.ratio += weight > 0.0 ? std::sqrt(update / weight) : 0.0;
        s.gradient += std::sqrt(gradient);
        s.gradient_max = std::max(s.gradient_max, std::sqrt(gradient));
        s.weight = std::sqrt(weight);
    }
    add_noise(noisy);
    if (samples_ == 1) write_records(first_look_.data());
}

// E |G_B|^2 = |G|^2 + tr(S) / B for a batch of B rows and E |g|^2 = |G|^2 + tr(S) for one row give both unknowns without bias.
template <class T>
void Monitor<T>::add_noise(double gradient_square) {
    if (batch_ < 2) return;
    const double batch = double(batch_);
    double row = 0.0;
    for (index_t r = 0; r < rows_; ++r) row += row_squares_[std::size_t(r)];
    row *= batch * batch / double(rows_);
    const double trace = (row - gradient_square) * batch / (batch - 1.0);
    noise_trace_ += trace;
    gradient_square_ += gradient_square - trace / batch;
}

template <class T>
EpochRecord Monitor<T>::read() const {
    EpochRecord record;
    record.samples = samples_;
    record.noise_trace = divide(noise_trace_, double(samples_));
    record.gradient_square = divide(gradient_square_, double(samples_));
    record.descent = divide(descent_, double(samples_));
    record.losses = losses_;
    record.spikes = spikes_.events();
    record.layers.resize(layers_.size());
    write_records(record.layers.data());
    record.first = samples_ > 0 ? first_look_ : record.layers;
    return record;
}

template <class T>
void Monitor<T>::write_records(LayerRecord* records) const {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const LayerSums& s = sums_[l];
        LayerRecord& r = records[l];
        r.update_ratio = divide(s.ratio, s.samples);
        r.gradient_norm = divide(s.gradient, s.samples);
        r.gradient_norm_max = s.samples > 0.0 ? s.gradient_max : nothing;
        r.weight_norm = s.samples > 0.0 ? s.weight : nothing;
        r.mean = divide(s.sum, s.entries);
        const double variance = divide(s.squares, s.entries) - r.mean * r.mean;
        r.std = std::sqrt(variance < 0.0 ? 0.0 : variance);
        const double unit_variance = divide(s.unit_variance, s.unit_terms);
        r.unit_std = std::sqrt(unit_variance < 0.0 ? 0.0 : unit_variance);
        const auto dead = double(std::count(alive_[l].begin(), alive_[l].end(), char(0)));
        r.dead = layers_[l].dies && samples_ > 0 ? dead / double(widths_[l]) : nothing;
        r.saturated = layers_[l].ends ? divide(s.saturated, s.entries) : nothing;
    }
}

template class Monitor<float>;
template class Monitor<double>;

}  // namespace steepest
