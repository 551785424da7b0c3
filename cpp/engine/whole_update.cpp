#include "engine/whole_update.hpp"

#include <algorithm>
#include <cmath>

namespace steepest {

namespace {

constexpr index_t kPiece = 4096;

// Of scale g. Four sums side by side: one chain of additions would wait 4 cycles for each of its elements.
template <class T>
double sum_of_squares(const T* g, index_t count, double scale) {
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    const auto square = [&](index_t i) { return (scale * double(g[i])) * (scale * double(g[i])); };
    index_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int lane = 0; lane < 4; ++lane) sums[lane] += square(i + lane);
    for (; i < count; ++i) sums[0] += square(i);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

template <class T>
WholeUpdate<T>::WholeUpdate(const Tensors<T>& tensors, index_t size) : gradients_(size) {
    for (const auto& p : tensors.parameters) {
        if (!p.trainable) continue;
        const index_t n = p.rows * p.cols;
        for (index_t begin = 0; begin < n; begin += kPiece) pieces_.push_back({&p, begin, std::min(kPiece, n - begin)});
    }
    squares_.resize(pieces_.size());
}

template <class T>
double WholeUpdate<T>::norm(const Worker& worker) {
    index_t begin = 0;
    index_t end = 0;
    worker.share(index_t(pieces_.size()), 1, &begin, &end);
    for (double scale = 1.0;; scale = kSmallScale) {
        for (index_t i = begin; i < end; ++i) {
            const Piece& piece = pieces_[std::size_t(i)];
            const T* g = gradients_.data() + piece.parameter->offset + piece.begin;
            squares_[std::size_t(i)] = sum_of_squares(g, piece.count, scale);
        }
        worker.barrier();
        double sum = 0.0;
        for (const double s : squares_) sum += s;
        if (std::isfinite(sum) || scale < 1.0) return std::sqrt(sum) / scale;
        worker.barrier();  // all have read
    }
}

template <class T>
void WholeUpdate<T>::run(const Update<T>& update, const Clipping& clipping, const Worker& worker) {
    const double length = clipping.norm > 0.0 ? norm(worker) : 0.0;
    // In float the quotient may be smaller than all numbers, and the product not.
    const double factor = length > clipping.norm ? clipping.norm / length : 1.0;
    const T bound = T(clipping.value);
    index_t begin = 0;
    index_t end = 0;
    worker.share(index_t(pieces_.size()), 1, &begin, &end);
    for (index_t i = begin; i < end; ++i) {
        const Piece& piece = pieces_[std::size_t(i)];
        T* g = gradients_.data() + piece.parameter->offset + piece.begin;
        for (index_t j = 0; j < piece.count && factor != 1.0; ++j) g[j] = T(factor * double(g[j]));
        // Written so that a NaN stays a NaN.
        for (index_t j = 0; j < piece.count && clipping.value > 0.0; ++j)
            g[j] = g[j] > bound ? bound : g[j] < -bound ? -bound : g[j];
        update.run_rule(*piece.parameter, 0.0, piece.begin, 1, piece.count, g, piece.count);
    }
}

template class WholeUpdate<float>;
template class WholeUpdate<double>;

}  // namespace steepest
