// Activations. A functor has forward(x) and backward(saved, dy), saved being the input or the output as STEEPEST_ACTIVATIONS in
// table.hpp says.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"
#include "simd/math.hpp"

namespace steepest {
namespace {

template <class V>
struct Identity {
    explicit Identity(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const { return x; }
    // y = x
    STEEPEST_INLINE V backward(V /*saved*/, V dy) const { return dy; }
};

template <class V>
struct Relu {
    explicit Relu(ActivationArgs<typename V::value_type>) {}
    // max keeps its second operand where one is NaN: relu(NaN) stays NaN.
    STEEPEST_INLINE V forward(V x) const { return max(V::zero(), x); }
    // y = max(0, x), and 0 counts as the flat side. Written as "not y <= 0": behind a NaN the gradient is not silently zero.
    STEEPEST_INLINE V backward(V y, V dy) const { return select(le(y, V::zero()), V::zero(), dy); }
};

template <class V>
struct LeakyRelu {
    V alpha;
    explicit LeakyRelu(ActivationArgs<typename V::value_type> args) : alpha(V::set(args.alpha)) {}
    STEEPEST_INLINE V forward(V x) const { return select(lt(x, V::zero()), x * alpha, x); }
    // y = x or alpha x: alpha >= 0 makes y <= 0 the same as x <= 0.
    STEEPEST_INLINE V backward(V y, V dy) const { return select(le(y, V::zero()), dy * alpha, dy); }
};

template <class V>
struct Sigmoid {
    explicit Sigmoid(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const { return sigmoid(x); }
    // y = 1 / (1 + exp(-x)): y' = y (1 - y)
    STEEPEST_INLINE V backward(V y, V dy) const { return dy * fnma(y, y, y); }
};

template <class V>
struct Tanh {
    explicit Tanh(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const { return tanh(x); }
    // y = tanh(x): y' = 1 - y^2
    STEEPEST_INLINE V backward(V y, V dy) const { return dy * fnma(y, y, V::set(typename V::value_type(1))); }
};

// Functors for the loops.
template <class V, class A>
struct ForwardOf {
    A f;
    STEEPEST_INLINE V operator()(V x) const { return f.forward(x); }
};
template <class V, class A>
struct BackwardOf {
    A f;
    STEEPEST_INLINE V operator()(V saved, V dy) const { return f.backward(saved, dy); }
};

template <class V, template <class> class A>
void activation_forward(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx,
                        typename V::value_type* y, index_t ldy, ActivationArgs<typename V::value_type> args) {
    map<V>(rows, cols, x, ldx, y, ldy, ForwardOf<V, A<V>>{A<V>(args)});
}

template <class V, template <class> class A>
void activation_backward(index_t rows, index_t cols, const typename V::value_type* saved, index_t lds,
                         const typename V::value_type* dy, index_t lddy, typename V::value_type* dx, index_t lddx,
                         ActivationArgs<typename V::value_type> args) {
    zip<V>(rows, cols, saved, lds, dy, lddy, dx, lddx, BackwardOf<V, A<V>>{A<V>(args)});
}

}  // namespace
}  // namespace steepest
