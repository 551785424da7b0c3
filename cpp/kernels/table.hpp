// The kernel table: every arithmetic kernel of one instruction set behind a plain function pointer.
//
// A kernel is a single-threaded function over row-major matrices. It does not allocate, throw, log or start threads; sizes may
// be zero; rows lie `ld*` elements apart (ld >= cols) and need no alignment. It reads and writes only the elements
// [0, rows) x [0, cols): whatever lies between cols and ld is left alone. CONTRACT.md has the whole contract.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace steepest {

// What the backward kernel of an activation reads beside dy: its input x or its output y.
enum class ActivationNeeds : int { nothing, output, input };

// The activations: X(name, functor of activations.hpp, what its backward kernel needs). A new one is a line here and its functor.
// alpha: leaky_relu's slope below zero and elu's depth (>= 0), celu's scale (> 0); the others ignore it. "output" stands where the
// derivative is cheap from y: such an activation can be fused behind a product, which keeps no input. step's derivative is 0.
#define STEEPEST_ACTIVATIONS(X)          \
    X(identity, Identity, nothing)       \
    X(relu, Relu, output)                \
    X(leaky_relu, LeakyRelu, output)     \
    X(sigmoid, Sigmoid, output)          \
    X(tanh, Tanh, output)                \
    X(elu, Elu, output)                  \
    X(selu, Selu, output)                \
    X(celu, Celu, output)                \
    X(gelu, Gelu, input)                 \
    X(gelu_tanh, GeluTanh, input)        \
    X(silu, Silu, input)                 \
    X(mish, Mish, input)                 \
    X(softplus, Softplus, output)        \
    X(softsign, Softsign, output)        \
    X(hard_sigmoid, HardSigmoid, output) \
    X(hard_swish, HardSwish, input)      \
    X(step, BinaryStep, nothing)

enum class Activation : int {
#define STEEPEST_NAME(name, functor, needs) name,
    STEEPEST_ACTIVATIONS(STEEPEST_NAME)
#undef STEEPEST_NAME
        count_
};

ActivationNeeds activation_needs(Activation kind);
const char* activation_name(Activation kind);

template <class T>
struct ActivationArgs {
    T alpha = T(0);
};

// y (rows, cols) = f(x). x and y may be the same matrix.
template <class T>
using activation_forward_fn = void (*)(index_t rows, index_t cols, const T* x, index_t ldx, T* y, index_t ldy,
                                       ActivationArgs<T> args);
// dx = dy * f'(.), `saved` being x or y as activation_needs() says. dx may be dy.
template <class T>
using activation_backward_fn = void (*)(index_t rows, index_t cols, const T* saved, index_t lds, const T* dy,
                                        index_t lddy, T* dx, index_t lddx, ActivationArgs<T> args);

// One C tile or panel: C (m, n) = [C or bias or 0] + A (m, k) B (k, n), then the epilogue.
// A's element (i, p) is a[i * a_row + p * a_k]: row-major A has a_k == 1, a transposed one a_row == 1 (the two supported forms).
// B's element (p, j) is b[p * b_k + j]: a packed panel has b_k == gemm_nr and is padded with zeros to gemm_nr columns.
// n <= gemm_nr; B must be readable over gemm_nr columns. Each element sums over p in increasing order: the result does not
// depend on how m and n were cut.
enum class Epilogue : int { none, relu, leaky_relu };
template <class T>
struct GemmPanel {
    index_t m, n, k;
    const T* a;
    index_t a_row, a_k;
    const T* b;
    index_t b_k;
    T* c;
    index_t ldc;
    const T* bias;    // (n) or null; ignored when accumulate
    bool accumulate;  // true: add to what C holds; false: C is never read
    Epilogue epilogue;
    T slope;  // of leaky_relu
    // What will be wanted soon: tile t of the first ahead_tiles asks for the line at ahead + t ahead_tile + p ahead_step, bytes, in its step
    // p. Any address is allowed.
    const char* ahead;
    index_t ahead_tiles, ahead_tile, ahead_step;
};

// Losses write the row losses (without weight or mean) and, where `gradient` is not null, the gradient times `scale * weight[r]`.
// labels (rows) in [0, classes), checked by the caller. weights may be null (all ones). correct counts rows whose largest logit
// (the first of equals) is the label or the largest target; for the sigmoid loss rows whose every logit is on its target's side
// (z > 0 where t > 1/2), for hinge with targets likewise (o > 0 where t > 0). gradient may be output.
template <class T>
struct LossRows {
    index_t rows, cols;
    const T* output;  // (rows, cols) logits or predictions
    index_t ldo;
    const std::int32_t* labels;  // (rows) for class labels, else null
    const T* targets;            // (rows, cols) for soft labels, binary targets and regression, else null
    index_t ldt;
    const T* weights;  // (rows) or null
    T scale;
    double alpha;      // huber: delta; quantile: the quantile in (0, 1); else unused
    double smoothing;  // softmax cross-entropy: label smoothing e in [0, 1), t <- (1 - e) t + e / cols
    T* gradient;       // (rows, cols) or null
    index_t ldg;
    T* row_loss;      // (rows)
    index_t correct;  // out: see above; 0 for losses without classes
};
template <class T>
using loss_fn = void (*)(LossRows<T>& args);

// mse, mae, huber, quantile and poisson average over the row's elements, so that the mean over rows is the mean over elements.
//   mae |d|, d = o - t;  huber d^2 / 2 inside |d| <= delta, delta (|d| - delta / 2) outside;  quantile max(q (t - o), (q - 1) (t - o));
//   poisson exp(o) - t o (o is the log of the rate);  hinge with targets -1 or 1: mean of max(0, 1 - t o); with labels:
//   sum over j != label of max(0, 1 + o_j - o_label), correct as for softmax cross-entropy. Gradients at kinks are 0.
enum class Loss : int {
    softmax_cross_entropy,
    sigmoid_cross_entropy,
    mse,
    mae,
    huber,
    poisson,
    quantile,
    hinge,
    count_
};

// Optimisers update a tile of a parameter in place. g is the gradient of the data loss; the kernel adds l2 * w to it first.
// s1, s2: the optimiser's own state with w's layout (velocity or first moment; second moment), null where the rule has none:
// RMSprop and Adagrad have s2 only. Adagrad: s += g^2, w -= lr g / (sqrt(s) + eps). Nadam: Adam with the momentum of the next step,
// m_hat = beta1 c1' m + (1 - beta1) c1 g with c1' of step t + 1 in correction_next (Dozat 2016, constant beta1).
enum class Optimizer : int { sgd, momentum, nesterov, rmsprop, adam, adamw, adagrad, nadam, count_ };

// In double, whatever T is: the kernel rounds 1 - beta2 and the products of rates, not their factors.
template <class T>
struct UpdateArgs {
    double learning_rate = 0.0;
    double beta1 = 0.0;  // momentum / first-moment decay
    double beta2 = 0.0;  // rho of RMSprop / second-moment decay
    double epsilon = 0.0;
    double weight_decay = 0.0;     // decoupled (AdamW): w *= 1 - learning_rate * weight_decay first
    double l2 = 0.0;               // adds l2 * w to the gradient
    double correction1 = 1.0;      // 1 / (1 - beta1^t), 1 without bias correction
    double correction2 = 1.0;      // 1 / (1 - beta2^t)
    double correction_next = 1.0;  // 1 / (1 - beta1^(t + 1)), for Nadam
};
template <class T>
using update_fn = void (*)(index_t rows, index_t cols, T* w, index_t ldw, const T* g, index_t ldg, T* s1, T* s2,
                           const UpdateArgs<T>& args);

// Element types a data set may have; rows are converted while they are gathered.
enum class Source : int { f32, f64, u8, i8, i16, i32, i64, u16, u32, u64, boolean, count_ };

// Functions of a whole row. hardmax (one-hot of the first largest) has no useful gradient: its backward gives zeros.
enum class RowFunction : int { softmax, log_softmax, hardmax, count_ };

// Philox address of a dropout mask: see kernels/dropout.hpp for which word belongs to which element.
struct MaskKey {
    std::uint64_t seed;
    std::uint64_t step;
    std::uint32_t operation;
};

// Functions of simd/math.hpp that have a slot of their own name.
#define STEEPEST_MATH_FUNCTIONS(X) X(exp) X(log) X(log1p) X(expm1) X(tanh) X(sigmoid) X(softplus) X(erf)

template <class T>
struct KernelTable {
    const char* isa;
    index_t lanes;    // elements of T in one vector
    index_t gemm_mr;  // rows of the largest micro-tile
    index_t gemm_nr;  // columns of a packed panel

    // --- matrix products (gemm.hpp, row_product.hpp, pack.hpp)
    void (*gemm_panel)(const GemmPanel<T>& args);
    // y (n) = [bias or 0] + x (k) B (k, n), then the epilogue; B row-major and not packed. For a row or two: the sum of gemm_panel
    // with the same bits, without its chain of waiting FMAs.
    void (*row_times_matrix)(index_t n, index_t k, const T* x, const T* b, index_t ldb, const T* bias, T* y,
                             Epilogue epilogue, T slope);
    // Panels of B (k, n): panel j holds columns [j nr, (j+1) nr) as k rows of nr, zero padded; ceil(n / nr) * k * nr elements.
    void (*pack_panels)(index_t k, index_t n, const T* b, index_t ldb, T* packed);
    // The same for B = W^T with W (n, k): panel j holds rows [j nr, (j+1) nr) of W as columns.
    void (*pack_panels_transposed)(index_t k, index_t n, const T* w, index_t ldw, T* packed);

    // --- element-wise (activations.hpp, dropout.hpp)
    activation_forward_fn<T> activation_forward[int(Activation::count_)];
    activation_backward_fn<T> activation_backward[int(Activation::count_)];
    // Bit c % 64 of word bits[r ldb + c / 64], for c < cols: element (row0 + r, c) of the batch is kept, (philox word >= threshold),
    // threshold = p * 2^32. ldb >= ceil(cols / 64); the bits beyond cols may have any value.
    void (*dropout_mask)(index_t rows, index_t cols, index_t row0, std::uint32_t threshold, MaskKey key,
                         std::uint64_t* bits, index_t ldb);
    // y = kept ? x * scale : 0. The same call on dy is the backward pass. y may be x.
    void (*apply_mask)(index_t rows, index_t cols, const T* x, index_t ldx, const std::uint64_t* bits, index_t ldb,
                       T scale, T* y, index_t ldy);
    // x += y
    void (*add)(index_t rows, index_t cols, const T* y, index_t ldy, T* x, index_t ldx);
    // x + sigma n, n standard normal numbers of the same Philox address scheme (gaussian_noise in dropout.hpp); y may be x.
    void (*gaussian_noise)(index_t rows, index_t cols, index_t row0, const T* x, index_t ldx, T* y, index_t ldy,
                           T sigma, MaskKey key);
    // words[16 w + lane] = word w of the Philox block with counter {first + lane, row, operation, step}, w < 4 and lane < 16.
    void (*random_words)(std::uint32_t first, std::uint32_t row, MaskKey key, std::uint32_t* words);
    // y = x where x > 0, slope[j] x elsewhere; slope (cols).
    void (*prelu_forward)(index_t rows, index_t cols, const T* x, index_t ldx, const T* slope, T* y, index_t ldy);
    // dx = dy where x > 0, slope[j] dy elsewhere; dx may be dy, or null; stream: past the caches. sum[j] = sum over rows of
    // dy min(x, 0), in increasing row order.
    void (*prelu_backward)(index_t rows, index_t cols, const T* x, index_t ldx, const T* slope, const T* dy,
                           index_t lddy, T* dx, index_t lddx, T* sum, bool stream);
    // y (rows, units) = max over the k columns u k .. u k + k - 1 of z (rows, units k); which[r, u] in [0, k) is the first largest.
    void (*maxout_forward)(index_t rows, index_t units, index_t pieces, const T* z, index_t ldz, T* y, index_t ldy,
                           std::uint16_t* which, index_t ldw);
    // dz = dy at the winners and 0 elsewhere.
    void (*maxout_backward)(index_t rows, index_t units, index_t pieces, const std::uint16_t* which, index_t ldw,
                            const T* dy, index_t lddy, T* dz, index_t lddz);

    // --- over a row (row_functions.hpp): y = f(x), dx from y and dy; y may be x, dx may be dy
    void (*row_forward[int(RowFunction::count_)])(index_t rows, index_t cols, const T* x, index_t ldx, T* y,
                                                  index_t ldy);
    void (*row_backward[int(RowFunction::count_)])(index_t rows, index_t cols, const T* y, index_t ldy, const T* dy,
                                                   index_t lddy, T* dx, index_t lddx);
    // far, here and below: these rows are a part of a matrix beyond the caches: the rows that follow are asked for ahead (also beyond the
    // last, as far as addresses go), and the output is better written past the caches.
    // Layer norm: y = gamma (x - mean) inv_std + beta with the row's mean and biased variance; mean and inv_std (rows) are kept.
    void (*layer_norm_forward)(index_t rows, index_t cols, const T* x, index_t ldx, const T* gamma, const T* beta,
                               T epsilon, T* y, index_t ldy, T* mean, T* inv_std, bool far);
    // dx = inv_std (g - mean(g) - xhat mean(g xhat)), g = gamma dy, means over the row; dx may be dy. Unless they are null, also what
    // layer_norm_sums writes, with the same bits (of at least one row).
    void (*layer_norm_backward)(index_t rows, index_t cols, const T* x, index_t ldx, const T* dy, index_t lddy,
                                const T* mean, const T* inv_std, const T* gamma, T* dx, index_t lddx, T* sum_dy,
                                T* sum_dy_xhat, bool far);
    // sum_dy[j] and sum_dy_xhat[j] over the rows, in increasing row order
    void (*layer_norm_sums)(index_t rows, index_t cols, const T* x, index_t ldx, const T* dy, index_t lddy,
                            const T* mean, const T* inv_std, T* sum_dy, T* sum_dy_xhat);

    // --- batch norm (batch_norm.hpp); sums over rows in increasing order
    // mean[j] and m2[j] = sum (x - mean)^2 of these rows, of which there should be few.
    void (*column_moments)(index_t rows, index_t cols, const T* x, index_t ldx, T* mean, T* m2, bool far);
    // Combine the moments of rows [first, rows) cut into chunks of `chunk` (the last may be short), chunk c at mean + c * ld and
    // m2 + c * ld, by Chan's formula in increasing c with those of the rows before, which out_mean and out_m2 (cols) hold if first > 0.
    void (*combine_moments)(index_t first, index_t rows, index_t chunk, index_t cols, const T* mean, const T* m2,
                            index_t ld, T* out_mean, T* out_m2);
    // y = (x - mean) * inv_std * gamma + beta; y may be x.
    void (*normalize)(index_t rows, index_t cols, const T* x, index_t ldx, const T* mean, const T* inv_std,
                      const T* gamma, const T* beta, T* y, index_t ldy, bool far);
    // sum_dy[j] = sum_r dy, sum_dy_xhat[j] = sum_r dy * (x - mean) * inv_std
    void (*batch_norm_sums)(index_t rows, index_t cols, const T* x, index_t ldx, const T* dy, index_t lddy,
                            const T* mean, const T* inv_std, T* sum_dy, T* sum_dy_xhat, bool far);
    // dx = gamma * inv_std * (dy - mean_dy - xhat * mean_dy_xhat); dx may be dy. (mean_* = the sums over the batch / N)
    void (*batch_norm_backward)(index_t rows, index_t cols, const T* x, index_t ldx, const T* dy, index_t lddy,
                                const T* mean, const T* inv_std, const T* gamma, const T* mean_dy,
                                const T* mean_dy_xhat, T* dx, index_t lddx, bool far);

    // --- reductions (reductions.hpp)
    // sum[j] = sum over rows of x, in increasing row order
    void (*column_sums)(index_t rows, index_t cols, const T* x, index_t ldx, T* sum);

    // --- losses (losses.hpp, element_losses.hpp)
    loss_fn<T> loss[int(Loss::count_)];

    // --- optimisers (optimizers.hpp)
    update_fn<T> update[int(Optimizer::count_)];

    // --- data (gather.hpp): out row i = source row rows[i] of a strided 2-D array (byte strides), converted to T
    void (*gather)(Source type, index_t count, index_t cols, const void* base, index_t row_bytes, index_t col_bytes,
                   const std::int64_t* rows, T* out, index_t ldo);

    // --- vector maths on arrays (simd/math.hpp), for tests and for Python; y may be x
#define STEEPEST_SLOT(name) void (*name)(index_t n, const T* x, T* y);
    STEEPEST_MATH_FUNCTIONS(STEEPEST_SLOT)
#undef STEEPEST_SLOT

    // --- measurement: independent FMAs for `iterations` rounds; returns the number of floating-point operations done
    double (*fma_peak)(index_t iterations, T* sink);
};

// ------------------------------------------------------------------------------------------------ dispatch (dispatch.cpp)
enum class Isa : int { scalar, avx2, avx512, neon, count_ };
// The best instruction set of `available` (bit i set: Isa(i) is usable). Pure: testable on any machine.
Isa select_isa(unsigned available);
unsigned compiled_isas();   // bits of the sets in this binary
unsigned available_isas();  // compiled and supported by this CPU and operating system
const char* isa_name(Isa isa);
// The set in force: STEEPEST_ISA or the best available. Throws std::invalid_argument for a name that is unknown, not compiled in or
// not supported by this CPU, quoting it.
Isa active_isa();
// Test hook: makes `isa` the set in force for tables asked for from now on; the same errors as active_isa().
void force_isa(const char* name);
template <class T>
const KernelTable<T>& kernels(Isa isa);
template <class T>
const KernelTable<T>& active_kernels();

}  // namespace steepest
