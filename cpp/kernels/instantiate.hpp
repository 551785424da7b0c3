// Fills a kernel table with the templates of this room over one vector type. Included by the isa_*.cpp units only.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/batch_norm.hpp"
#include "kernels/dropout.hpp"
#include "kernels/element_losses.hpp"
#include "kernels/gather.hpp"
#include "kernels/gemm.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/losses.hpp"
#include "kernels/optimizers.hpp"
#include "kernels/pack.hpp"
#include "kernels/peak.hpp"
#include "kernels/pieces.hpp"
#include "kernels/reductions.hpp"
#include "kernels/row_functions.hpp"
#include "kernels/row_product.hpp"
#include "kernels/table.hpp"
#include "kernels/vector_math.hpp"

namespace steepest {
namespace {

// Overwrites every slot that has a template; a table that starts as a copy of the scalar one is never left with a hole.
template <class V>
void fill_slots(KernelTable<typename V::value_type>& t, const char* isa) {
    t.isa = isa;
    t.lanes = V::lanes;
    t.gemm_mr = GemmShape<V>::mr;
    t.gemm_nr = GemmShape<V>::nr;
    t.gemm_panel = gemm_panel<V>;
    t.row_times_matrix = row_times_matrix<V>;
    t.pack_panels = pack_panels<V>;
    t.pack_panels_transposed = pack_panels_transposed<V>;

#define STEEPEST_SLOT(name, functor, needs)                                       \
    t.activation_forward[int(Activation::name)] = activation_forward<V, functor>; \
    t.activation_backward[int(Activation::name)] = activation_backward<V, functor>;
    STEEPEST_ACTIVATIONS(STEEPEST_SLOT)
#undef STEEPEST_SLOT
    t.dropout_mask = dropout_mask<typename V::U32>;
    t.apply_mask = apply_mask<V>;
    t.gaussian_noise = gaussian_noise<V>;
    t.random_words = random_words<typename V::U32>;
    t.add = add<V>;
    t.prelu_forward = prelu_forward<V>;
    t.prelu_backward = prelu_backward<V>;
    t.maxout_forward = maxout_forward<V>;
    t.maxout_backward = maxout_backward<V>;

    t.row_forward[int(RowFunction::softmax)] = softmax_forward<V>;
    t.row_forward[int(RowFunction::log_softmax)] = log_softmax_forward<V>;
    t.row_forward[int(RowFunction::hardmax)] = hardmax_forward<V>;
    t.row_backward[int(RowFunction::softmax)] = softmax_backward<V>;
    t.row_backward[int(RowFunction::log_softmax)] = log_softmax_backward<V>;
    t.row_backward[int(RowFunction::hardmax)] = hardmax_backward<V>;
    t.layer_norm_forward = layer_norm_forward<V>;
    t.layer_norm_backward = layer_norm_backward<V>;
    t.layer_norm_sums = layer_norm_sums<V>;

    t.column_moments = column_moments<V>;
    t.combine_moments = combine_moments<V>;
    t.normalize = normalize<V>;
    t.batch_norm_sums = batch_norm_sums<V>;
    t.batch_norm_backward = batch_norm_backward<V>;
    t.column_sums = column_sums<V>;

    t.loss[int(Loss::softmax_cross_entropy)] = softmax_cross_entropy<V>;
    t.loss[int(Loss::sigmoid_cross_entropy)] = sigmoid_cross_entropy<V>;
    t.loss[int(Loss::mse)] = element_loss<V, MseTerm>;
    t.loss[int(Loss::mae)] = element_loss<V, MaeTerm>;
    t.loss[int(Loss::huber)] = element_loss<V, HuberTerm>;
    t.loss[int(Loss::poisson)] = element_loss<V, PoissonTerm>;
    t.loss[int(Loss::quantile)] = element_loss<V, QuantileTerm>;
    t.loss[int(Loss::hinge)] = hinge<V>;

    t.update[int(Optimizer::sgd)] = update<V, Sgd>;
    t.update[int(Optimizer::momentum)] = update<V, Momentum>;
    t.update[int(Optimizer::nesterov)] = update<V, Nesterov>;
    t.update[int(Optimizer::rmsprop)] = update<V, RmsProp>;
    t.update[int(Optimizer::adam)] = update<V, Adam>;
    t.update[int(Optimizer::adamw)] = update<V, AdamW>;
    t.update[int(Optimizer::adagrad)] = update<V, Adagrad>;
    t.update[int(Optimizer::nadam)] = update<V, Nadam>;

    t.gather = gather<V>;
#define STEEPEST_SLOT(name) t.name = name##_array<V>;
    STEEPEST_MATH_FUNCTIONS(STEEPEST_SLOT)
#undef STEEPEST_SLOT
    t.fma_peak = fma_peak<V>;
}

}  // namespace
}  // namespace steepest
