#include "core/aligned_buffer.hpp"
#include "ops/array_functions.hpp"
#include "ops/array_team.hpp"

namespace steepest {

namespace {

template <class T>
bool contiguous(const MatrixView<T>& m) {
    return m.stride == m.cols;
}

double forward_cost(Activation kind) {
    switch (kind) {
        case Activation::identity:
        case Activation::relu:
        case Activation::leaky_relu:
        case Activation::softsign:
        case Activation::hard_sigmoid:
        case Activation::hard_swish:
        case Activation::step: return 1.0;
        default: return kCostly;
    }
}
// Those that keep their output mostly have a derivative without any such function.
double backward_cost(Activation kind) {
    const bool costly = kind == Activation::softplus || activation_needs(kind) == ActivationNeeds::input;
    return costly && kind != Activation::hard_swish ? kCostly : 1.0;
}

}  // namespace

template <class T>
void array_activation_forward(Activation kind, Input<T> x, Output<T> y, T alpha, int threads) {
    const auto kernel = active_kernels<T>().activation_forward[int(kind)];
    share_elements(x.rows, x.cols, contiguous(x) && contiguous(y), kElement<T> * forward_cost(kind), threads,
                   [&](index_t row, index_t rows, index_t col, index_t cols) {
                       kernel(rows, cols, x.row(row) + col, x.stride, y.row(row) + col, y.stride, {alpha});
                   });
}

template <class T>
void array_activation_backward(Activation kind, Input<T> saved, Input<T> dy, Output<T> dx, T alpha, int threads) {
    const auto kernel = active_kernels<T>().activation_backward[int(kind)];
    share_elements(saved.rows, saved.cols, contiguous(saved) && contiguous(dy) && contiguous(dx),
                   kElement<T> * backward_cost(kind), threads,
                   [&](index_t row, index_t rows, index_t col, index_t cols) {
                       kernel(rows, cols, saved.row(row) + col, saved.stride, dy.row(row) + col, dy.stride,
                              dx.row(row) + col, dx.stride, {alpha});
                   });
}

template <class T>
void array_math(void (*function)(index_t, const T*, T*), Input<T> x, Output<T> y, int threads) {
    share_elements(x.rows, x.cols, contiguous(x) && contiguous(y), kElement<T> * kCostly, threads,
                   [&](index_t row, index_t rows, index_t col, index_t cols) {
                       for (index_t r = row; r < row + rows; ++r) function(cols, x.row(r) + col, y.row(r) + col);
                   });
}

template <class T>
void array_dropout(Input<T> x, Output<T> y, double rate, index_t row0, MaskKey key, int threads) {
    const auto& k = active_kernels<T>();
    const auto threshold = static_cast<std::uint32_t>(rate * 4294967296.0);
    const T scale = T(1.0 / (1.0 - rate));
    const index_t words = ceil_div(x.cols, 64);
    const AlignedBuffer<std::uint64_t> bits(x.rows * words);
    share_work(double(x.rows) * double(x.cols), threads, x.rows, 1, [&](index_t begin, index_t end) {
        std::uint64_t* own = bits.data() + begin * words;
        k.dropout_mask(end - begin, x.cols, row0 + begin, threshold, key, own, words);
        k.apply_mask(end - begin, x.cols, x.row(begin), x.stride, own, words, scale, y.row(begin), y.stride);
    });
}

template <class T>
void array_update(Optimizer rule, Output<T> w, Input<T> g, Output<T> state1, Output<T> state2,
                  const UpdateArgs<T>& args, int threads) {
    const auto kernel = active_kernels<T>().update[int(rule)];
    const auto at = [](const Output<T>& state, index_t row, index_t col) {
        return state.data == nullptr ? nullptr : state.row(row) + col;
    };
    share_elements(w.rows, w.cols, contiguous(w) && contiguous(g), kElement<T>, threads,
                   [&](index_t row, index_t rows, index_t col, index_t cols) {
                       kernel(rows, cols, w.row(row) + col, w.stride, g.row(row) + col, g.stride, at(state1, row, col),
                              at(state2, row, col), args);
                   });
}

#define STEEPEST_INSTANTIATE(T)                                                                    \
    template void array_activation_forward<T>(Activation, Input<T>, Output<T>, T, int);            \
    template void array_activation_backward<T>(Activation, Input<T>, Input<T>, Output<T>, T, int); \
    template void array_math<T>(void (*)(index_t, const T*, T*), Input<T>, Output<T>, int);        \
    template void array_dropout<T>(Input<T>, Output<T>, double, index_t, MaskKey, int);            \
    template void array_update<T>(Optimizer, Output<T>, Input<T>, Output<T>, Output<T>, const UpdateArgs<T>&, int);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
