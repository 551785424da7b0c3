#include "core/aligned_buffer.hpp"
#include "ops/array_functions.hpp"
#include "ops/array_team.hpp"
#include "ops/matrix.hpp"

namespace steepest {

namespace {

// Rows of a weight gradient's task.
constexpr index_t kBlock = 64;

// In elements of a cheap kernel: sixteen multiply-adds of a product take about as long as one of them.
template <class T>
double work_of(index_t m, index_t n, index_t k) {
    return double(m) * double(n) * double(std::max<index_t>(1, k)) / 16.0;
}

// A worker's block of an (m, n) result: rows where there are enough for everybody, else columns in whole panels.
struct Cut {
    index_t row, rows, col, cols;
};
Cut cut(const Worker& worker, index_t m, index_t n, index_t mr, index_t nr) {
    index_t begin = 0, end = 0;
    if (ceil_div(m, mr) >= 2 * worker.count || n <= nr) {
        worker.share(m, mr, &begin, &end);
        return {begin, end - begin, 0, n};
    }
    worker.share(n, nr, &begin, &end);
    return {0, m, begin, end - begin};
}

// C (m, n) = f(A (m, k) B + bias) with B already packed.
template <class T>
struct Product {
    Input<T> a;
    const T* packed;
    index_t n;
    const T* bias;
    Activation kind;
    T alpha;
    Output<T> c;
};

template <class T>
void multiply(const KernelTable<T>& k, const Product<T>& p, const Worker& worker) {
    const Cut own = cut(worker, p.a.rows, p.n, k.gemm_mr, k.gemm_nr);
    if (own.rows <= 0 || own.cols <= 0) return;
    const bool fused = p.kind == Activation::relu || p.kind == Activation::leaky_relu;
    RowProduct<T> product{};
    product.m = own.rows;
    product.n = own.cols;
    product.k = p.a.cols;
    product.a = p.a.row(own.row);
    product.lda = p.a.stride;
    product.b = p.packed + own.col * p.a.cols;
    product.panel_stride = k.gemm_nr * p.a.cols;
    product.b_k = k.gemm_nr;
    product.c = p.c.row(own.row) + own.col;
    product.ldc = p.c.stride;
    product.bias = p.bias == nullptr ? nullptr : p.bias + own.col;
    product.epilogue = !fused ? Epilogue::none : p.kind == Activation::relu ? Epilogue::relu : Epilogue::leaky_relu;
    product.slope = p.alpha;
    multiply_rows(k, product);
    if (fused || p.kind == Activation::identity) return;
    k.activation_forward[int(p.kind)](own.rows, own.cols, product.c, p.c.stride, product.c, p.c.stride, {p.alpha});
}

}  // namespace

template <class T>
void array_dense_forward(Input<T> x, Input<T> weight, const T* bias, Activation kind, T alpha, Output<T> y,
                         int threads) {
    const auto& k = active_kernels<T>();
    const index_t n = weight.cols, depth = x.cols, nr = k.gemm_nr;
    AlignedBuffer<T> packed(ceil_div(n, nr) * nr * depth);
    const Product<T> product{x, packed.data(), n, bias, kind, alpha, y};
    run_kernels(work_of<T>(x.rows, n, depth), threads, [&](const Worker& worker) {
        index_t begin = 0, end = 0;
        worker.share(n, nr, &begin, &end);
        k.pack_panels(depth, end - begin, weight.data + begin, weight.stride, packed.data() + begin * depth);
        worker.barrier();
        multiply(k, product, worker);
    });
}

// y = f(z), z = x W + b:  dz = dy f'(z),  dx = dz W^T,  dW = x^T dz,  db = sum over rows of dz
template <class T>
void array_dense_backward(Input<T> x, Input<T> weight, Input<T> y, Input<T> dy, Activation kind, T alpha, Output<T> dx,
                          Output<T> dweight, T* dbias, int threads) {
    const auto& k = active_kernels<T>();
    const index_t rows = x.rows, in = x.cols, out = y.cols, nr = k.gemm_nr;
    AlignedBuffer<T> packed(ceil_div(in, nr) * nr * out);
    // Padded to whole panels: the product for dW reads full panels of it.
    const index_t stride = round_up(out, nr);
    AlignedBuffer<T> gradient(rows * stride);
    const Output<T> dz{gradient.data(), rows, out, stride};
    const Product<T> product{{dz.data, rows, out, stride}, packed.data(), in, nullptr, Activation::identity, T(0), dx};
    const index_t blocks = ceil_div(in, kBlock), panels = ceil_div(out, nr);
    run_kernels(work_of<T>(rows, out, in), threads, [&](const Worker& worker) {
        index_t begin = 0, end = 0;
        worker.share(rows, 1, &begin, &end);
        k.activation_backward[int(kind)](end - begin, out, y.row(begin), y.stride, dy.row(begin), dy.stride,
                                         dz.row(begin), stride, {alpha});
        worker.share(in, nr, &begin, &end);
        k.pack_panels_transposed(out, end - begin, weight.row(begin), weight.stride, packed.data() + begin * out);
        worker.barrier();
        multiply(k, product, worker);
        worker.share(blocks * panels, 1, &begin, &end);
        for (index_t task = begin; task < end; ++task) {
            const index_t row = task % blocks * kBlock, col = task / blocks * nr;
            const index_t width = std::min(nr, out - col);
            multiply_transposed(k, std::min(kBlock, in - row), width, rows, x.data + row, x.stride,
                                Panels<T>{dz.data + col, nr, stride}, dweight.row(row) + col, dweight.stride);
            if (row == 0 && dbias != nullptr) k.column_sums(rows, width, dz.data + col, stride, dbias + col);
        }
    });
}

#define STEEPEST_INSTANTIATE(T)                                                                                        \
    template void array_dense_forward<T>(Input<T>, Input<T>, const T*, Activation, T, Output<T>, int);                 \
    template void array_dense_backward<T>(Input<T>, Input<T>, Input<T>, Input<T>, Activation, T, Output<T>, Output<T>, \
                                          T*, int);
STEEPEST_INSTANTIATE(float)
STEEPEST_INSTANTIATE(double)
#undef STEEPEST_INSTANTIATE

}  // namespace steepest
