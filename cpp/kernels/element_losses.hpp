// Losses that add up over the elements of a row: mse, mae, huber, quantile, poisson, hinge; and hinge with class labels.
#pragma once

#include "kernels/row_functions.hpp"

namespace steepest {
namespace {

// A term adds its loss of one vector of outputs o and targets t to `sum` and returns the derivative with respect to o. Where NaN
// goes in, NaN comes out, of both.
template <class V>
struct MseTerm {
    using T = typename V::value_type;
    explicit MseTerm(double /*alpha*/) {}
    // l = d^2: l' = 2 d
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V d = o - t;
        *sum = fma(d, d, *sum);
        return d + d;
    }
};

template <class V>
struct MaeTerm {
    using T = typename V::value_type;
    explicit MaeTerm(double /*alpha*/) {}
    // l = |d|: l' = the sign of d, 0 at 0
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V d = o - t, one = V::set(T(1));
        *sum = *sum + abs(d);
        return select(gt(d, V::zero()), one, select(lt(d, V::zero()), neg(one), d));
    }
};

// Huber (1964): d^2 / 2 inside |d| <= delta, delta (|d| - delta / 2) outside.
template <class V>
struct HuberTerm {
    using T = typename V::value_type;
    V delta;
    explicit HuberTerm(double alpha) : delta(V::set(T(alpha))) {}
    // With c = d held within -delta .. delta both pieces are l = c (d - c / 2), and l' = c
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V d = o - t, c = min(delta, max(neg(delta), d));
        *sum = fma(c, fnma(V::set(T(0.5)), c, d), *sum);
        return c;
    }
};

// Koenker and Bassett (1978): q d above the prediction, (q - 1) d below, d = t - o.
template <class V>
struct QuantileTerm {
    using T = typename V::value_type;
    V above, below;
    // Rounded after the arithmetic: 1 - 0.999 in float would be off by 3e-5 of itself.
    explicit QuantileTerm(double alpha) : above(V::set(T(alpha))), below(V::set(T(alpha - 1.0))) {}
    // l = q d or (q - 1) d, d = t - o: l' = -q or 1 - q, 0 at 0
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V d = t - o;
        const auto under = gt(d, V::zero());
        *sum = fma(d, select(under, above, below), *sum);
        return select(under, neg(above), select(lt(d, V::zero()), neg(below), d));
    }
};

// Minus the logarithm of Poisson's distribution with rate exp(o), without the constant log t!. A target of 0 takes no part in t o,
// not even where o is -inf.
template <class V>
struct PoissonTerm {
    using T = typename V::value_type;
    explicit PoissonTerm(double /*alpha*/) {}
    // l = exp(o) - t o: l' = exp(o) - t
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V rate = exp(o);
        *sum = *sum + (rate - select(eq(t, V::zero()), V::zero(), t * o));
        return rate - t;
    }
};

template <class V>
struct HingeTerm {
    using T = typename V::value_type;
    explicit HingeTerm(double /*alpha*/) {}
    // l = max(0, 1 - t o): l' = -t inside the margin, 0 at its edge and outside
    STEEPEST_INLINE V operator()(V o, V t, V* sum) const {
        const V m = fnma(t, o, V::set(T(1)));
        *sum = *sum + max(V::zero(), m);
        return select(gt(m, V::zero()), neg(t), select(le(m, V::zero()), V::zero(), m));
    }
};

// loss = mean over the row of the terms, gradient = l' / cols.
template <class V, template <class> class Term>
void element_loss(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    const Term<V> term(a.alpha);
    const T share = a.cols > 0 ? T(1) / T(a.cols) : T(0);
    a.correct = 0;
    for (index_t r = 0; r < a.rows; ++r) {
        const T *o = a.output + r * a.ldo, *t = a.targets + r * a.ldt;
        T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
        const V factor = V::set(share * (a.weights == nullptr ? a.scale : a.scale * a.weights[r]));
        V sum = V::zero();
        index_t j = 0;
        for (; j + L <= a.cols; j += L) {
            const V slope = term(V::load(o + j), V::load(t + j), &sum);
            if (g != nullptr) (slope * factor).store(g + j);
        }
        if (j < a.cols) {
            const index_t n = a.cols - j;
            V last = V::zero();
            const V slope = term(V::load_n(o + j, n), V::load_n(t + j, n), &last);
            sum = sum + select(V::first_lanes(n), last, V::zero());  // 0 against 0 is not free for every loss
            if (g != nullptr) (slope * factor).store_n(g + j, n);
        }
        a.row_loss[r] = reduce_add(sum) * share;
    }
}

// Rows whose every output is on the side of its target: o > 0 where t > 0. Read before the gradient may overwrite the outputs.
template <class V>
index_t rows_on_side(const LossRows<typename V::value_type>& a) {
    constexpr index_t L = V::lanes;
    index_t right = 0;
    for (index_t r = 0; r < a.rows; ++r) {
        const auto *o = a.output + r * a.ldo, *t = a.targets + r * a.ldt;
        unsigned wrong = 0;
        for (index_t j = 0; j < a.cols; j += L) {
            const index_t n = a.cols - j;
            const V output = n < L ? V::load_n(o + j, n) : V::load(o + j);
            const V target = n < L ? V::load_n(t + j, n) : V::load(t + j);
            wrong |= V::bits(gt(output, V::zero())) ^ V::bits(gt(target, V::zero()));
        }
        right += wrong == 0;
    }
    return right;
}

// One stretch of a row beside its label's output o: m = x - o + 1, the loss max(0, m) goes to `sum`, the slopes to `slopes` and to g. The
// difference comes first: beside a large output 1 would be rounded away.
template <class V>
STEEPEST_INLINE void hinge_stretch(index_t n, const typename V::value_type* x, V own, V coefficient,
                                   typename V::value_type* g, V* sum, V* slopes) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    const V one = V::set(T(1)), lowest = V::set(-std::numeric_limits<T>::infinity());
    for (index_t j = 0; j < n; j += L) {
        const bool whole = n - j >= L;
        const V m = (whole ? V::load(x + j) : V::load_n(x + j, n - j, lowest)) - own + one;
        const V slope = select(gt(m, V::zero()), one, select(le(m, V::zero()), V::zero(), m));
        *sum = *sum + max(V::zero(), m);
        *slopes = *slopes + slope;
        if (g == nullptr) continue;
        if (whole)
            (slope * coefficient).store(g + j);
        else
            (slope * coefficient).store_n(g + j, n - j);
    }
}

// Class labels (Weston and Watkins 1999): loss = sum over j != label of max(0, 1 + o_j - o_label). Its derivative is 1 for every j
// inside the margin, and minus their number for the label.
template <class V>
void hinge_labels(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    a.correct = 0;
    for (index_t r = 0; r < a.rows; ++r) {
        const T* o = a.output + r * a.ldo;
        T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
        const index_t label = a.labels[r], after = label + 1;
        a.correct += first_index<V>(a.cols, o, row_max<V>(a.cols, o)) == label;
        const T coefficient = a.weights == nullptr ? a.scale : a.scale * a.weights[r];
        const V own = V::set(o[label]), factor = V::set(coefficient);
        V sum = V::zero(), slopes = V::zero();
        hinge_stretch<V>(label, o, own, factor, g, &sum, &slopes);
        hinge_stretch<V>(a.cols - after, o + after, own, factor, g == nullptr ? nullptr : g + after, &sum, &slopes);
        a.row_loss[r] = reduce_add(sum);
        if (g != nullptr) g[label] = -coefficient * reduce_add(slopes);
    }
}

template <class V>
void hinge(LossRows<typename V::value_type>& a) {
    if (a.labels != nullptr) return hinge_labels<V>(a);
    const index_t right = rows_on_side<V>(a);
    element_loss<V, HingeTerm>(a);
    a.correct = right;
}

}  // namespace
}  // namespace steepest
