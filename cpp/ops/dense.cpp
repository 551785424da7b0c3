#include "ops/dense.hpp"

#include <algorithm>
#include <cmath>

#include "core/cpu.hpp"
#include "ops/matrix.hpp"

namespace steepest {

namespace {

// Blocks of weight gradients a worker, in the whole network, that keep a team busy to the end.
constexpr double kEnoughBlocks = 12.0;

}  // namespace

template <class T>
void Dense<T>::describe(index_t in, index_t out, bool input_gradient, bool in_place) {
    in_ = in;
    out_ = out;
    input_gradient_ = input_gradient;
    in_place_ = in_place;
}

// As many panels as leave dz's columns half of the second-level cache and the network enough blocks to be shared out; of equal width
// where a number not much smaller divides the layer's panels.
template <class T>
index_t Dense<T>::block_cols() const {
    const index_t nr = this->kernels_.gemm_nr;
    const index_t near = cache_sizes().l2 / 2 / (std::max<index_t>(1, this->site_.capacity) * index_t(sizeof(T)));
    const double enough = this->site_.workers > 1 ? this->site_.part * kEnoughBlocks * this->site_.workers : 1.0;
    const auto shared = index_t(double(out_ * row_blocks()) / std::max(1.0, enough));
    const index_t most = std::max<index_t>(1, std::min({kMostCols, near, shared}) / nr);
    for (index_t some = most; 2 * some >= most; --some)
        if (panels() % some == 0) return some * nr;
    return ceil_div(panels(), ceil_div(panels(), most)) * nr;
}

template <class T>
index_t Dense<T>::workspace(index_t /*capacity*/, int /*workers*/) const {
    const index_t nr = this->kernels_.gemm_nr;
    if (in_place_) return 0;
    return round_up(out_, nr) * in_;
}

template <class T>
void Dense<T>::bind(const Site<T>& site, T* workspace) {
    this->site_ = site;
    packed_ = workspace;
    block_cols_ = block_cols();
    rows_first_ = site.capacity * out_ * index_t(sizeof(T)) <= cache_sizes().l2 / 2;
}

// Copies the panel of W that starts at (row, col), kBlockRows rows by gemm_nr columns, into the packed form.
template <class T>
void Dense<T>::pack_panel(index_t row, index_t col) const {
    const auto& k = this->kernels_;
    const index_t nr = k.gemm_nr;
    const index_t rows = std::min(kBlockRows, in_ - row);
    const index_t cols = std::min(nr, out_ - col);
    const T* w = weight().data + row * out_ + col;
    k.pack_panels(rows, cols, w, out_, packed_ + col * in_ + row * nr);
}

template <class T>
void Dense<T>::refresh(const Worker& worker) {
    if (in_place_) return;
    index_t begin = 0;
    index_t end = 0;
    worker.share(row_blocks() * panels(), 1, &begin, &end);
    for (index_t i = begin; i < end; ++i)
        pack_panel(i % row_blocks() * kBlockRows, i / row_blocks() * this->kernels_.gemm_nr);
}

template <class T>
void Dense<T>::forward(const Step<T>& step, Rows rows, const Worker& /*worker*/) {
    const auto& x = this->site_.inputs[0]->data;
    if (this->site_.reads_input && step.input != nullptr)
        multiply(step.input, step.input_stride, rows, 0, out_);
    else
        multiply(x.row(rows.begin), x.stride, rows, 0, out_);
}

template <class T>
void Dense<T>::forward_columns(const Step<T>& /*step*/, Rows rows, const Worker& worker) {
    index_t begin = 0;
    index_t end = 0;
    worker.share(out_, 4 * this->kernels_.gemm_nr, &begin, &end);
    const auto& x = this->site_.inputs[0]->data;
    multiply(x.row(rows.begin), x.stride, rows, begin, end);
}

// Columns [begin, end) of y = f(x W + b) for those rows of x, ldx apart; begin is a multiple of gemm_nr.
template <class T>
void Dense<T>::multiply(const T* x, index_t ldx, Rows rows, index_t begin, index_t end) const {
    if (begin == end) return;
    const auto& y = this->site_.output->data;
    RowProduct<T> product{};
    product.m = rows.count();
    product.n = end - begin;
    product.k = in_;
    product.a = x;
    product.lda = ldx;
    product.b = in_place_ ? weight().data + begin : packed_ + begin * in_;
    product.panel_stride = in_place_ ? this->kernels_.gemm_nr : this->kernels_.gemm_nr * in_;
    product.b_k = in_place_ ? out_ : this->kernels_.gemm_nr;
    T* out = y.row(rows.begin) + begin;
    product.c = out;
    product.ldc = y.stride;
    product.bias = has_bias() ? this->site_.parameters[1].data + begin : nullptr;
    product.slope = alpha_;
    const bool fused = activation_ == Activation::relu || activation_ == Activation::leaky_relu;
    if (fused) product.epilogue = activation_ == Activation::relu ? Epilogue::relu : Epilogue::leaky_relu;
    if (in_place_ && product.m == 1) {
        // A tile of one row would have only two sums to keep the FMA units busy with.
        multiply_one_row(this->kernels_, product);
    } else {
        // Tiles have an even number of rows: one row more, of whatever lies there, is cheaper than a tile of one.
        if (in_place_) product.m = std::min(round_up(product.m, 2), this->site_.capacity - rows.begin);
        multiply_rows(this->kernels_, product);
    }
    if (fused || activation_ == Activation::identity) return;
    this->kernels_.activation_forward[int(activation_)](rows.count(), product.n, out, y.stride, out, y.stride,
                                                        {alpha_});
}

// y = f(z), z = x W + b:  dz = dy f'(z) (from y, in place of dy),  dx = dz W^T
template <class T>
void Dense<T>::backward(const Step<T>& /*step*/, Rows rows, const Worker& /*worker*/) {
    const auto& y = this->site_.output->data;
    const auto& dy = this->site_.output->gradient;
    if (dy.data == nullptr) return;
    T* dz = dy.row(rows.begin);
    if (activation_ != Activation::identity)
        this->kernels_.activation_backward[int(activation_)](rows.count(), out_, y.row(rows.begin), y.stride, dz,
                                                             dy.stride, dz, dy.stride, {alpha_});
    if (!input_gradient_) return;
    const auto& dx = this->site_.inputs[0]->gradient;
    RowProduct<T> product{};
    product.m = rows.count();
    product.n = in_;
    product.k = out_;
    product.a = dz;
    product.lda = dy.stride;
    product.b = packed_;
    product.panel_stride = this->kernels_.gemm_nr * in_;
    product.c = dx.row(rows.begin);
    product.ldc = dx.stride;
    product.accumulate = this->site_.add_gradient[0];
    multiply_rows_by_transpose(this->kernels_, product);
}

template <class T>
index_t Dense<T>::parameter_tasks() const {
    const bool learns = weight().trainable || (has_bias() && this->site_.parameters[1].trainable);
    return learns ? row_blocks() * col_blocks() : 0;
}

template <class T>
double Dense<T>::task_cost(index_t rows, index_t task) const {
    // Beside the product the optimiser and the packing cost about as much as 16 more rows.
    // In a narrow layer tiles begin and end more often than they multiply: half a vector of columns.
    const index_t cols = narrow() ? out_ + this->kernels_.lanes / 2 : block_width(task);
    return double(std::min(kBlockRows, in_ - block_row(task))) * double(cols) * double(rows + 16);
}

// dW = (dz^T x)^T for rows [row, row + rows) of a narrow W, without gaps, as W lies: the update then runs over whole vectors. The sums
// are those of x^T dz.
template <class T>
void Dense<T>::narrow_gradient(const Step<T>& step, index_t row, index_t rows, T* tile) const {
    const auto& k = this->kernels_;
    const auto& x = this->site_.inputs[0]->data;
    const auto& dz = this->site_.output->gradient;
    alignas(kAlignment) T turned[kMostPanel * kBlockRows];
    const Panels<T> columns{x.data + row, k.gemm_nr, x.stride};
    multiply_transposed(k, out_, rows, step.rows, dz.data, dz.stride, columns, turned, kBlockRows);
    for (index_t r = 0; r < rows; ++r)
        for (index_t j = 0; j < out_; ++j) tile[r * out_ + j] = turned[j * kBlockRows + r];
}

// z = x W + b:  dW = x^T dz,  db = sum over rows of dz
template <class T>
void Dense<T>::parameter_task(const Step<T>& step, index_t task, const Worker& /*worker*/) {
    const auto& k = this->kernels_;
    const auto& x = this->site_.inputs[0]->data;
    const index_t row = block_row(task);
    const index_t col = block_col(task);
    const index_t rows = std::min(kBlockRows, in_ - row);
    const index_t cols = block_width(task);

    alignas(kAlignment) T tile[kBlockRows * kMostCols];
    const auto& gradient = this->site_.output->gradient;
    const Panels<T> dz{gradient.data + col, k.gemm_nr, gradient.stride};
    if (weight().trainable) {
        if (narrow())
            narrow_gradient(step, row, rows, tile);
        else
            multiply_transposed(k, rows, cols, step.rows, x.data + row, x.stride, dz, tile, block_cols_);
        step.update->apply(weight(), row, col, rows, cols, tile, narrow() ? out_ : block_cols_);
        for (index_t j = 0; j < cols && step.update->gradients == nullptr; j += k.gemm_nr) pack_panel(row, col + j);
    }
    if (row > 0 || !has_bias() || !this->site_.parameters[1].trainable) return;
    k.column_sums(step.rows, cols, gradient.data + col, gradient.stride, tile);
    step.update->apply(this->site_.parameters[1], 0, col, 1, cols, tile, cols);
}

// Max norm: a unit's incoming weights, a column of W, are scaled back to the bound where they are longer.
template <class T>
void Dense<T>::constraint_task(index_t task) {
    const index_t nr = this->kernels_.gemm_nr;
    const index_t begin = task * nr;
    const index_t end = std::min(out_, begin + nr);
    T* w = weight().data;
    for (index_t j = begin; j < end; ++j) {
        const auto length = [&](double scale) {
            double squares = 0.0;
            for (index_t i = 0; i < in_; ++i)
                squares += (scale * double(w[i * out_ + j])) * (scale * double(w[i * out_ + j]));
            return std::sqrt(squares) / scale;
        };
        const double plain = length(1.0), norm = std::isfinite(plain) ? plain : length(kSmallScale);
        if (norm <= weight().max_norm) continue;
        const double factor = weight().max_norm / norm;
        for (index_t i = 0; i < in_; ++i) w[i * out_ + j] = T(factor * double(w[i * out_ + j]));
    }
    for (index_t row = 0; row < in_; row += kBlockRows) pack_panel(row, begin);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace steepest
