// Kernels over whole arrays, on the team: what `steepest.kernels` offers to Python. Shapes and overlap have been checked by the caller.
//
// Work is cut so that no result depends on the number of threads. Denormals are kept, unlike in training: a single kernel gives what
// IEEE 754 and NumPy give.
#pragma once

#include "core/types.hpp"
#include "kernels/table.hpp"

namespace steepest {

template <class T>
using Input = MatrixView<const T>;
template <class T>
using Output = MatrixView<T>;

// --- element-wise (array_elementwise.cpp)
template <class T>
void array_activation_forward(Activation kind, Input<T> x, Output<T> y, T alpha, int threads);
template <class T>
void array_activation_backward(Activation kind, Input<T> saved, Input<T> dy, Output<T> dx, T alpha, int threads);
// One of the table's functions of (n, x, y).
template <class T>
void array_math(void (*function)(index_t, const T*, T*), Input<T> x, Output<T> y, int threads);
template <class T>
void array_dropout(Input<T> x, Output<T> y, double rate, index_t row0, MaskKey key, int threads);
// state1, state2: data == nullptr where the rule has none; else like w.
template <class T>
void array_update(Optimizer rule, Output<T> w, Input<T> g, Output<T> state1, Output<T> state2,
                  const UpdateArgs<T>& args, int threads);

// --- rows and columns (array_reductions.cpp)
template <class T>
void array_row_forward(RowFunction function, Input<T> x, Output<T> y, int threads);
// dx from y; may be y or dy.
template <class T>
void array_row_backward(RowFunction function, Input<T> y, Input<T> dy, Output<T> dx, int threads);
// `rows` is split among the workers; its sizes, scale, weights and outputs are those of the whole batch. Sets rows.correct.
template <class T>
void array_loss(Loss kind, LossRows<T>& rows, int threads);
template <class T>
void array_column_sums(Input<T> x, T* sum, int threads);
// mean, variance (biased) and inv_std (cols) are outputs.
template <class T>
void array_batch_norm_forward(Input<T> x, const T* gamma, const T* beta, double epsilon, Output<T> y, T* mean,
                              T* variance, T* inv_std, int threads);
template <class T>
void array_batch_norm_backward(Input<T> x, Input<T> dy, const T* mean, const T* inv_std, const T* gamma, Output<T> dx,
                               T* dgamma, T* dbeta, int threads);
template <class T>
void array_gather(Source type, const void* base, index_t row_bytes, index_t col_bytes, const std::int64_t* rows,
                  Output<T> out, int threads);

// --- memory (array_memory.cpp)
template <class T>
void array_copy(const T* from, T* to, index_t n, int threads);
template <class T>
bool array_all_finite(const T* x, index_t n, int threads);

// --- single layers (array_layers.cpp)
template <class T>
void array_gaussian_noise(Input<T> x, Output<T> y, T sigma, index_t row0, MaskKey key, int threads);
// mean and inv_std (rows) are outputs.
template <class T>
void array_layer_norm_forward(Input<T> x, const T* gamma, const T* beta, double epsilon, Output<T> y, T* mean,
                              T* inv_std, int threads);
template <class T>
void array_layer_norm_backward(Input<T> x, Input<T> dy, const T* mean, const T* inv_std, const T* gamma, Output<T> dx,
                               T* dgamma, T* dbeta, int threads);
// slope and dslope (cols)
template <class T>
void array_prelu_forward(Input<T> x, const T* slope, Output<T> y, int threads);
template <class T>
void array_prelu_backward(Input<T> x, const T* slope, Input<T> dy, Output<T> dx, T* dslope, int threads);
// z (rows, units pieces), y and which (rows, units), which without gaps
template <class T>
void array_maxout_forward(Input<T> z, index_t pieces, Output<T> y, std::uint16_t* which, int threads);
template <class T>
void array_maxout_backward(const std::uint16_t* which, index_t pieces, Input<T> dy, Output<T> dz, int threads);

// --- matrix products (array_dense.cpp), none of the sizes zero
// y (N, K) = f(x (N, D) weight (D, K) + bias); bias may be null.
template <class T>
void array_dense_forward(Input<T> x, Input<T> weight, const T* bias, Activation kind, T alpha, Output<T> y,
                         int threads);
// y = f(z), z = x W + b: dz = dy f'(z), dx (N, D) = dz W^T, dweight (D, K) = x^T dz, dbias (K) = column sums of dz or null.
template <class T>
void array_dense_backward(Input<T> x, Input<T> weight, Input<T> y, Input<T> dy, Activation kind, T alpha, Output<T> dx,
                          Output<T> dweight, T* dbias, int threads);

}  // namespace steepest
