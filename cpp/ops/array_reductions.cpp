#include <atomic>
#include <cmath>

#include "ops/array_functions.hpp"
#include "ops/array_team.hpp"

namespace steepest {

namespace {

// Columns are shared out in whole cache lines.
template <class T>
constexpr index_t kLine = kAlignment / index_t(sizeof(T));

template <class T>
double elements(const MatrixView<T>& m) {
    return double(m.rows) * double(m.cols);
}

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
    run_kernels(elements(x), threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                k.column_moments(rows, x.cols, x.row(row), x.stride, partials.at(0, slot), partials.at(1, slot));
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
        worker.barrier();
        worker.share(x.rows, 1, &begin, &end);
        k.normalize(end - begin, x.cols, x.row(begin), x.stride, mean, inv_std, gamma, beta, y.row(begin), y.stride);
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
    const T share = T(1) / T(std::max<index_t>(1, x.rows));
    run_kernels(elements(x), threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                k.batch_norm_sums(rows, x.cols, x.row(row), x.stride, dy.row(row), dy.stride, mean, inv_std,
                                  partials.at(0, slot), partials.at(1, slot));
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
        worker.barrier();
        worker.share(x.rows, 1, &begin, &end);
        k.batch_norm_backward(end - begin, x.cols, x.row(begin), x.stride, dy.row(begin), dy.stride, mean, inv_std,
                              gamma, mean_dy, mean_dy_xhat, dx.row(begin), dx.stride);
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
