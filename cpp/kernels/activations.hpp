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

// alpha (exp(x) - 1) below zero (Clevert, Unterthiner, Hochreiter 2016).
template <class V>
struct Elu {
    V alpha;
    explicit Elu(ActivationArgs<typename V::value_type> args) : alpha(V::set(args.alpha)) {}
    STEEPEST_INLINE V forward(V x) const { return select(gt(x, V::zero()), x, alpha * expm1(x)); }
    // y = alpha (exp(x) - 1): y' = alpha exp(x) = y + alpha
    STEEPEST_INLINE V backward(V y, V dy) const { return select(gt(y, V::zero()), dy, dy * (y + alpha)); }
};

// s x, or s a (exp(x) - 1) below zero; the constants make mean 0 and variance 1 a fixed point (Klambauer et al. 2017).
template <class V>
struct Selu {
    using T = typename V::value_type;
    V scale = V::set(T(1.0507009873554804934)), low = V::set(T(1.0507009873554804934 * 1.6732632423543772848));
    explicit Selu(ActivationArgs<T>) {}
    STEEPEST_INLINE V forward(V x) const { return select(gt(x, V::zero()), x * scale, low * expm1(x)); }
    // y = s a (exp(x) - 1): y' = s a exp(x) = y + s a
    STEEPEST_INLINE V backward(V y, V dy) const { return dy * select(gt(y, V::zero()), scale, y + low); }
};

// alpha (exp(x / alpha) - 1) below zero, alpha > 0: its slope is 1 on both sides of 0 (Barron 2017).
template <class V>
struct Celu {
    V alpha, inverse;
    explicit Celu(ActivationArgs<typename V::value_type> args)
        : alpha(V::set(args.alpha)), inverse(V::set(1 / args.alpha)) {}
    STEEPEST_INLINE V forward(V x) const { return select(gt(x, V::zero()), x, alpha * expm1(x * inverse)); }
    // y = alpha (exp(x / alpha) - 1): y' = exp(x / alpha) = y / alpha + 1
    STEEPEST_INLINE V backward(V y, V dy) const {
        const V one = V::set(typename V::value_type(1));
        return select(gt(y, V::zero()), dy, dy * fma(y, inverse, one));
    }
};

// The products x g(x) below have a factor that is exactly 0 left of -far: held there, x cannot make it -inf 0 = NaN.
template <class V>
STEEPEST_INLINE V not_below(V x, double far) {
    return max(V::set(typename V::value_type(-far)), x);
}
template <class V>
STEEPEST_INLINE V within(V x, double far) {
    return min(V::set(typename V::value_type(far)), not_below(x, far));
}

// x P(x), P the normal distribution (Hendrycks and Gimpel 2016).
template <class V>
struct Gelu {
    static constexpr double far = 40.0;
    explicit Gelu(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const {
        V density;
        return not_below(x, far) * normal_distribution(x, &density);
    }
    // y = x P(x): y' = P(x) + x p(x)
    STEEPEST_INLINE V backward(V x, V dy) const {
        V density;
        const V distribution = normal_distribution(x, &density);
        return dy * fma(within(x, far), density, distribution);
    }
};

// The logistic function s(v) = e / (1 + e), e = exp(v), and its derivative e / (1 + e)^2, both without cancellation. Beyond 44 s is 1 in either
// type and s' times any x in question nothing beside it.
template <class V>
struct Logistic {
    V value, slope;
    explicit STEEPEST_INLINE Logistic(V v) {
        using T = typename V::value_type;
        const V one = V::set(T(1)), e = exp_below(min(V::set(T(44)), v)), r = one / (one + e);
        value = e * r;
        slope = value * r;
    }
};

// x (1 + tanh u) / 2 = x s(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3).
template <class V>
struct GeluTanh {
    using T = typename V::value_type;
    static constexpr double far = 40.0, linear = 1.5957691216057307117, cubic = linear * 0.044715;
    explicit GeluTanh(ActivationArgs<T>) {}
    static STEEPEST_INLINE V inner(V x) { return x * fma(x * x, V::set(T(cubic)), V::set(T(linear))); }
    STEEPEST_INLINE V forward(V x) const { return not_below(x, far) * sigmoid(inner(x)); }
    // y = x s(v): y' = s(v) + x s'(v) v'
    STEEPEST_INLINE V backward(V x, V dy) const {
        const V near = min(V::set(T(8)), not_below(x, far));  // beyond 8 the slope is 1
        const Logistic<V> s(inner(near));
        const V slope = s.slope * fma(near * near, V::set(T(3 * cubic)), V::set(T(linear)));
        return dy * fma(near, slope, s.value);
    }
};

// x s(x), also called swish (Elfwing, Uchibe, Doya 2018).
template <class V>
struct Silu {
    static constexpr double far = 800.0;
    explicit Silu(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const { return not_below(x, far) * sigmoid(x); }
    // y = x s(x): y' = s(x) + x s'(x)
    STEEPEST_INLINE V backward(V x, V dy) const {
        const Logistic<V> s(x);
        return dy * fma(within(x, far), s.slope, s.value);
    }
};

// x tanh(softplus(x)) (Misra 2020). With e = exp(x) the hyperbolic tangent of log(1 + e) is t = n / (n + 2), n = e (e + 2); beyond x = 22 it is 1 in
// either type, and x t' nothing beside it.
template <class V>
struct Mish {
    using T = typename V::value_type;
    static constexpr double far = 800.0, flat = 22.0;
    explicit Mish(ActivationArgs<T>) {}

    STEEPEST_INLINE V forward(V x) const {
        const V e = exp_below(min(V::set(T(flat)), x)), n = fma(e, e, e + e);
        return not_below(x, far) * (n / (n + V::set(T(2))));
    }
    // y = x t(x): y' = t + x t',  t' = 4 e (1 + e) / (n + 2)^2
    STEEPEST_INLINE V backward(V x, V dy) const {
        const V near = min(V::set(T(flat)), x), e = exp_below(near), n = fma(e, e, e + e);
        const V r = V::set(T(1)) / (n + V::set(T(2))), t = n * r;
        const V slope = V::set(T(4)) * (fma(e, e, e) * r) * r;
        return dy * fma(not_below(near, far), slope, t);
    }
};

template <class V>
struct Softplus {
    explicit Softplus(ActivationArgs<typename V::value_type>) {}
    STEEPEST_INLINE V forward(V x) const { return softplus(x); }
    // y = log(1 + exp(x)): y' = exp(x) / (1 + exp(x)) = 1 - exp(-y)
    STEEPEST_INLINE V backward(V y, V dy) const { return neg(dy) * expm1(neg(y)); }
};

template <class V>
struct Softsign {
    using T = typename V::value_type;
    explicit Softsign(ActivationArgs<T>) {}
    // The largest number stands for inf: inf / inf would be NaN.
    STEEPEST_INLINE V forward(V x) const {
        const V a = min(V::set(std::numeric_limits<T>::max()), abs(x));
        return copysign(a / (V::set(T(1)) + a), x);
    }
    // y = x / (1 + |x|): y' = 1 / (1 + |x|)^2 = (1 - |y|)^2
    STEEPEST_INLINE V backward(V y, V dy) const {
        const V rest = V::set(T(1)) - abs(y);
        return dy * (rest * rest);
    }
};

// min(max(x + 3, 0), 6) / 6
template <class V>
STEEPEST_INLINE V hard_gate(V x) {
    using T = typename V::value_type;
    return min(V::set(T(6)), max(V::zero(), x + V::set(T(3)))) * V::set(T(1.0 / 6.0));
}

template <class V>
struct HardSigmoid {
    using T = typename V::value_type;
    explicit HardSigmoid(ActivationArgs<T>) {}
    STEEPEST_INLINE V forward(V x) const { return hard_gate(x); }
    // y = (x + 3) / 6 where 0 < y < 1, and both ends count as flat
    STEEPEST_INLINE V backward(V y, V dy) const {
        const V slope = select(ge(y, V::set(T(1))), V::zero(), dy * V::set(T(1.0 / 6.0)));
        return select(le(y, V::zero()), V::zero(), slope);
    }
};

// x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).
template <class V>
struct HardSwish {
    using T = typename V::value_type;
    explicit HardSwish(ActivationArgs<T>) {}
    STEEPEST_INLINE V forward(V x) const { return not_below(x, 3.0) * hard_gate(x); }
    // y = x (x + 3) / 6 between -3 and 3: y' = x / 3 + 1 / 2; at the kinks the slope of the left side
    STEEPEST_INLINE V backward(V x, V dy) const {
        const V inside = dy * fma(x, V::set(T(1.0 / 3.0)), V::set(T(0.5)));
        const V right = select(gt(x, V::set(T(3))), dy, inside);
        return select(le(x, V::set(T(-3))), V::zero(), right);
    }
};

// 1 where x > 0, 0 elsewhere, NaN where x is.
template <class V>
struct BinaryStep {
    using T = typename V::value_type;
    explicit BinaryStep(ActivationArgs<T>) {}
    STEEPEST_INLINE V forward(V x) const {
        return select(gt(x, V::zero()), V::set(T(1)), select(le(x, V::zero()), V::zero(), x));
    }
    // y is constant on both sides of its jump, where there is no derivative: y' = 0 everywhere
    STEEPEST_INLINE V backward(V /*saved*/, V /*dy*/) const { return V::zero(); }
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
