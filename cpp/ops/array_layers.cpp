#include "ops/array_functions.hpp"
#include "ops/array_team.hpp"

namespace steepest {

template <class T>
void array_gaussian_noise(Input<T> x, Output<T> y, T sigma, index_t row0, MaskKey key, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(x), threads, x.rows, 1, [&](index_t begin, index_t end) {
        k.gaussian_noise(end - begin, x.cols, row0 + begin, x.row(begin), x.stride, y.row(begin), y.stride, sigma, key);
    });
}

template <class T>
void array_layer_norm_forward(Input<T> x, const T* gamma, const T* beta, double epsilon, Output<T> y, T* mean,
                              T* inv_std, int threads) {
    const auto& k = active_kernels<T>();
    const bool far = beyond_caches(y, 2);
    share_work(elements(x) * kElement<T> * kNorm, threads, x.rows, 1, [&](index_t begin, index_t end) {
        k.layer_norm_forward(end - begin, x.cols, x.row(begin), x.stride, gamma, beta, T(epsilon), y.row(begin),
                             y.stride, mean + begin, inv_std + begin, far);
    });
}

// y = gamma xhat + beta, xhat = (x - mean) inv_std:  dgamma = sum of dy xhat,  dbeta = sum of dy,
//   dx = inv_std (g - mean(g) - xhat mean(g xhat)),  g = gamma dy
// The same chunks and the same order as in ops/rowwise.cpp, so the same bits as in training.
template <class T>
void array_layer_norm_backward(Input<T> x, Input<T> dy, const T* mean, const T* inv_std, const T* gamma, Output<T> dx,
                               T* dgamma, T* dbeta, int threads) {
    const auto& k = active_kernels<T>();
    Partials<T> partials(x.rows, x.cols, 2, threads);
    const bool far = beyond_caches(dx, 3);
    run_kernels(elements(x) * kElement<T> * kNorm, threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                k.layer_norm_backward(rows, x.cols, x.row(row), x.stride, dy.row(row), dy.stride, mean + row,
                                      inv_std + row, gamma, dx.row(row), dx.stride, partials.at(0, slot),
                                      partials.at(1, slot), far);
            },
            [&](index_t first, index_t last, index_t slot, index_t begin, index_t end) {
                add_partials(k, partials, 0, first, last, slot, begin, end, dbeta);
                add_partials(k, partials, 1, first, last, slot, begin, end, dgamma);
            });
    });
}

template <class T>
void array_prelu_forward(Input<T> x, const T* slope, Output<T> y, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(x) * kElement<T>, threads, x.rows, 1, [&](index_t begin, index_t end) {
        k.prelu_forward(end - begin, x.cols, x.row(begin), x.stride, slope, y.row(begin), y.stride);
    });
}

// y = max(x, 0) + slope min(x, 0):  dx = dy (x > 0 ? 1 : slope),  dslope = sum of dy min(x, 0); chunks as in ops/pieces.cpp.
template <class T>
void array_prelu_backward(Input<T> x, const T* slope, Input<T> dy, Output<T> dx, T* dslope, int threads) {
    const auto& k = active_kernels<T>();
    Partials<T> partials(x.rows, x.cols, 1, threads);
    const bool stream = beyond_caches(dx, 3);
    run_kernels(elements(x) * kElement<T>, threads, [&](const Worker& worker) {
        partials.run(
            worker,
            [&](index_t row, index_t rows, index_t slot) {
                k.prelu_backward(rows, x.cols, x.row(row), x.stride, slope, dy.row(row), dy.stride, dx.row(row),
                                 dx.stride, partials.at(0, slot), stream);
            },
            [&](index_t first, index_t last, index_t slot, index_t begin, index_t end) {
                add_partials(k, partials, 0, first, last, slot, begin, end, dslope);
            });
    });
}

template <class T>
void array_maxout_forward(Input<T> z, index_t pieces, Output<T> y, std::uint16_t* which, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(z), threads, z.rows, 1, [&](index_t begin, index_t end) {
        k.maxout_forward(end - begin, y.cols, pieces, z.row(begin), z.stride, y.row(begin), y.stride,
                         which + begin * y.cols, y.cols);
    });
}

template <class T>
void array_maxout_backward(const std::uint16_t* which, index_t pieces, Input<T> dy, Output<T> dz, int threads) {
    const auto& k = active_kernels<T>();
    share_work(elements(dz), threads, dz.rows, 1, [&](index_t begin, index_t end) {
        k.maxout_backward(end - begin, dy.cols, pieces, which + begin * dy.cols, dy.cols, dy.row(begin), dy.stride,
                          dz.row(begin), dz.stride);
    });
}

#define STEEPEST_INSTANTIATE(T)                                                                                     \
    template void array_gaussian_noise<T>(Input<T>, Output<T>, T, index_t, MaskKey, int);                           \
    template void array_layer_norm_forward<T>(Input<T>, const T*, const T*, double, Output<T>, T*, T*, int);        \
    template void array_layer_norm_backward<T>(Input<T>, Input<T>, const T*, const T*, const T*, Output<T>, T*, T*, \
                                               int);                                                                \
    template void array_prelu_forward<T>(Input<T>, const T*, Output<T>, int);                                       \
    template void array_prelu_backward<T>(Input<T>, const T*, Input<T>, Output<T>, T*, int);                        \
    template void array_maxout_forward<T>(Input<T>, index_t, Output<T>, std::uint16_t*, int);                       \
    template void array_maxout_backward<T>(const std::uint16_t*, index_t, Input<T>, Output<T>, int);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
