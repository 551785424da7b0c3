#include <atomic>
#include <cmath>
#include <vector>

#include "ops/array_functions.hpp"
#include "ops/array_team.hpp"

namespace steepest {

namespace {

// Columns are shared out in whole cache lines.
template <class T>
constexpr index_t kLine = kAlignment / index_t(sizeof(T));

// Rows of an odd width without gaps, several together as one row that ends on a whole line, for kernels with one number a column: every
// vector of columns is then repeated, `times` in all. No row is cut and no sum formed, so no bit changes.
template <class T>
class Folded {
public:
    Folded(index_t rows, index_t cols, bool contiguous, const std::vector<const T*>& vectors)
        : cols_(cols), vectors_(vectors) {
        while (contiguous && cols * times_ % kLine<T> != 0 && rows >= 32 * times_) times_ *= 2;
        if (times_ > 1) data_ = AlignedBuffer<T>(index_t(vectors.size()) * width());
    }
    // Columns begin to end of the vectors, once they are known; with a barrier before anyone takes them.
    void repeat(index_t begin, index_t end) {
        for (index_t v = 0; v < index_t(vectors_.size()); ++v)
            for (index_t i = 0; i < times_ && times_ > 1; ++i)
                std::copy(vectors_[v] + begin, vectors_[v] + end, data_.data() + v * width() + i * cols_ + begin);
    }
    const T* at(index_t vector) const { return times_ > 1 ? data_.data() + vector * width() : vectors_[vector]; }
    // work(row, count, fold, first column, columns) for panels of `count` rows of `fold` rows each: of as many as are repeated, then of one.
    template <class F>
    void run(index_t rows, const F& work) const {
        const index_t whole = rows / times_, rest = rows - whole * times_;
        for_panels<T>(times_ * cols_, [&](index_t j, index_t cols) { work(0, whole, times_, j, cols); });
        if (rest > 0) for_panels<T>(cols_, [&](index_t j, index_t cols) { work(whole * times_, rest, 1, j, cols); });
    }

private:
    index_t width() const { return round_up(cols_ * times_, kLine<T>); }

    index_t times_ = 1, cols_;
    std::vector<const T*> vectors_;
    AlignedBuffer<T> data_;
};

}  // namespace

template <class T>
void array_row_forward(RowFunction function, Input<T> x, Output<T> y, int threads) {
    const auto kernel = active_kernels<T>().row_forward[int(function)];
    const double cost = function == RowFunction::hardmax ? 2.0 : kCostly;
    share_work(elements(x) * kElement<T> * cost, threads, x.rows, 1, [&](index_t begin, index_t end) {
        kernel(end - begin, x.cols, x.row(begin), x.stride, y.row(begin), y.stride);
    });
}

template <class T>
void array_row_backward(RowFunction function, Input<T> y, Input<T> dy, Output<T> dx, int threads) {
    const auto kernel = active_kernels<T>().row_backward[int(function)];
    const double cost = function == RowFunction::log_softmax ? kCostly : 2.0;  // a sum over the row comes first
    share_work(elements(y) * kElement<T> * cost, threads, y.rows, 1, [&](index_t begin, index_t end) {
        kernel(end - begin, y.cols, y.row(begin), y.stride, dy.row(begin), dy.stride, dx.row(begin), dx.stride);
    });
}

template <class T>
void array_loss(Loss kind, LossRows<T>& all, int threads) {
    const auto kernel = active_kernels<T>().loss[int(kind)];
    std::atomic<index_t> correct{0};
    share_work(double(all.rows) * double(all.cols), threads, all.rows, 1, [&](index_t begin, index_t end) {
        LossRows<T> own = all;
        own.rows = end - begin;
        own.output += begin * all.ldo;
        if (all.labels != nullptr) own.labels += begin;
        if (all.targets != nullptr) own.targets += begin * all.ldt;
        if (all.weights != nullptr) own.weights += begin;
        if (all.gradient != nullptr) own.gradient += begin * all.ldg;
        own.row_loss += begin;
        kernel(own);
        correct += own.correct;
    });
    all.correct = correct;
}

template <class T>
void array_column_sums(Input<T> x, T* sum, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(x), threads, x.cols, kLine<T>, [&](index_t begin, index_t end) {
        k.column_sums(x.rows, end - begin, x.data + begin, x.stride, sum + begin);
    });
}

// The same chunks and the same order as in ops/batch_norm.cpp, so the same bits as in training.
template <class T>
void array_batch_norm_forward(Input<T> x, const T* gamma, const T* beta, double epsilon, Output<T> y, T* mean,
                              T* variance, T* inv_std, int threads) {
    const auto& k = active_kernels<T>();
    Partials<T> partials(x.rows, x.cols, 2, threads);
    Folded<T> folded(x.rows, x.cols, x.stride == x.cols && y.stride == x.cols, {mean, inv_std, gamma, beta});
    const bool far = beyond_caches(y, 2);
    run_kernels(elements(x) * kElement<T> * kNorm, threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                for_panels<T>(x.cols, [&](index_t j, index_t cols) {
                    k.column_moments(rows, cols, x.row(row) + j, x.stride, partials.at(0, slot) + j,
                                     partials.at(1, slot) + j, far);
                });
            },
            [&](index_t first, index_t last, index_t slot, index_t begin, index_t end) {
                k.combine_moments(first, last, kRowChunk, end - begin, partials.at(0, slot) + begin,
                                  partials.at(1, slot) + begin, partials.stride(), mean + begin, variance + begin);
            });
        index_t begin = 0, end = 0;
        worker.share(x.cols, kLine<T>, &begin, &end);
        for (index_t j = begin; j < end; ++j) {
            variance[j] /= T(x.rows);
            inv_std[j] = T(1) / std::sqrt(variance[j] + T(epsilon));
        }
        folded.repeat(begin, end);
        worker.barrier();
        partials.backwards(worker, [&](index_t first, index_t rows) {
            folded.run(rows, [&](index_t row, index_t count, index_t fold, index_t j, index_t cols) {
                const index_t r = first + row;
                k.normalize(count, cols, x.row(r) + j, fold * x.stride, folded.at(0) + j, folded.at(1) + j,
                            folded.at(2) + j, folded.at(3) + j, y.row(r) + j, fold * y.stride, far);
            });
        });
    });
}

// y = gamma xhat + beta, xhat = (x - mean) inv_std:  dgamma = sum of dy xhat,  dbeta = sum of dy,
//   dx = gamma inv_std (dy - mean(dy) - xhat mean(dy xhat))
template <class T>
void array_batch_norm_backward(Input<T> x, Input<T> dy, const T* mean, const T* inv_std, const T* gamma, Output<T> dx,
                               T* dgamma, T* dbeta, int threads) {
    const auto& k = active_kernels<T>();
    Partials<T> partials(x.rows, x.cols, 2, threads);
    AlignedBuffer<T> means(2 * partials.stride());
    T *const mean_dy = means.data(), *const mean_dy_xhat = mean_dy + partials.stride();
    Folded<T> folded(x.rows, x.cols, x.stride == x.cols && dy.stride == x.cols && dx.stride == x.cols,
                     {mean, inv_std, gamma, mean_dy, mean_dy_xhat});
    const bool far = beyond_caches(dx, 3);
    const T share = T(1) / T(std::max<index_t>(1, x.rows));
    run_kernels(elements(x) * kElement<T> * kNorm, threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                for_panels<T>(x.cols, [&](index_t j, index_t cols) {
                    k.batch_norm_sums(rows, cols, x.row(row) + j, x.stride, dy.row(row) + j, dy.stride, mean + j,
                                      inv_std + j, partials.at(0, slot) + j, partials.at(1, slot) + j, far);
                });
            },
            [&](index_t first, index_t last, index_t slot, index_t begin, index_t end) {
                add_partials(k, partials, 0, first, last, slot, begin, end, dbeta);
                add_partials(k, partials, 1, first, last, slot, begin, end, dgamma);
            });
        index_t begin = 0, end = 0;
        worker.share(x.cols, kLine<T>, &begin, &end);
        for (index_t j = begin; j < end; ++j) {
            mean_dy[j] = dbeta[j] * share;
            mean_dy_xhat[j] = dgamma[j] * share;
        }
        folded.repeat(begin, end);
        worker.barrier();
        partials.backwards(worker, [&](index_t first, index_t rows) {
            folded.run(rows, [&](index_t row, index_t count, index_t fold, index_t j, index_t cols) {
                const index_t r = first + row;
                k.batch_norm_backward(count, cols, x.row(r) + j, fold * x.stride, dy.row(r) + j, fold * dy.stride,
                                      folded.at(0) + j, folded.at(1) + j, folded.at(2) + j, folded.at(3) + j,
                                      folded.at(4) + j, dx.row(r) + j, fold * dx.stride, far);
            });
        });
    });
}

template <class T>
void array_gather(Source type, const void* base, index_t row_bytes, index_t col_bytes, const std::int64_t* rows,
                  Output<T> out, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(out), threads, out.rows, 1, [&](index_t begin, index_t end) {
        k.gather(type, end - begin, out.cols, base, row_bytes, col_bytes, rows + begin, out.row(begin), out.stride);
    });
}

#define STEEPEST_INSTANTIATE(T)                                                                                     \
    template void array_row_forward<T>(RowFunction, Input<T>, Output<T>, int);                                      \
    template void array_row_backward<T>(RowFunction, Input<T>, Input<T>, Output<T>, int);                           \
    template void array_loss<T>(Loss, LossRows<T>&, int);                                                           \
    template void array_column_sums<T>(Input<T>, T*, int);                                                          \
    template void array_batch_norm_forward<T>(Input<T>, const T*, const T*, double, Output<T>, T*, T*, T*, int);    \
    template void array_batch_norm_backward<T>(Input<T>, Input<T>, const T*, const T*, const T*, Output<T>, T*, T*, \
                                               int);                                                                \
    template void array_gather<T>(Source, const void*, index_t, index_t, const std::int64_t*, Output<T>, int);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
