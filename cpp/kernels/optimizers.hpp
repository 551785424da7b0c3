// Update rules. Each reads parameter, gradient and state once and writes parameter and state once: beyond the caches an update
// costs what moving these arrays costs.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

template <class V>
struct RuleArgs {
    V rate, beta1, beta2, rest1, rest2, epsilon, l2, keep, rate1, correction2, rate_moment, rate_gradient;
    // Rounded after the arithmetic: 1 - 0.999 in float would be off by 3e-5 of itself.
    explicit RuleArgs(const UpdateArgs<typename V::value_type>& a) {
        using T = typename V::value_type;
        rate = V::set(T(a.learning_rate));
        beta1 = V::set(T(a.beta1));
        beta2 = V::set(T(a.beta2));
        rest1 = V::set(T(1.0 - a.beta1));
        rest2 = V::set(T(1.0 - a.beta2));
        epsilon = V::set(T(a.epsilon));
        l2 = V::set(T(a.l2));
        keep = V::set(T(1.0 - a.learning_rate * a.weight_decay));
        rate1 = V::set(T(a.learning_rate * a.correction1));
        correction2 = V::set(T(a.correction2));
        rate_moment = V::set(T(a.learning_rate * a.beta1 * a.correction_next));
        rate_gradient = V::set(T(a.learning_rate * (1.0 - a.beta1) * a.correction1));
    }
};

// A rule changes the vectors of one place: w the parameter, g its gradient with the penalty's part, s1 and s2 the state.
struct Sgd {
    static constexpr bool first = false, second = false;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V&, V&) {
        w = fnma(a.rate, g, w);
    }
};
struct Momentum {  // v = mu v + g, w -= lr v
    static constexpr bool first = true, second = false;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V& v, V&) {
        v = fma(a.beta1, v, g);
        w = fnma(a.rate, v, w);
    }
};
struct Nesterov {  // v = mu v + g, w -= lr (g + mu v)
    static constexpr bool first = true, second = false;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V& v, V&) {
        v = fma(a.beta1, v, g);
        w = fnma(a.rate, fma(a.beta1, v, g), w);
    }
};
struct RmsProp {  // s = rho s + (1 - rho) g^2, w -= lr g / (sqrt(s) + eps)
    static constexpr bool first = false, second = true;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V&, V& s) {
        s = fma(a.beta2, s, a.rest2 * g * g);
        w = w - a.rate * g / (sqrt(s) + a.epsilon);
    }
};
struct Adagrad {  // s += g^2, w -= lr g / (sqrt(s) + eps) (Duchi, Hazan, Singer 2011)
    static constexpr bool first = false, second = true;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V&, V& s) {
        s = fma(g, g, s);
        w = w - a.rate * g / (sqrt(s) + a.epsilon);
    }
};
// m = b1 m + (1 - b1) g, s = b2 s + (1 - b2) g^2, w -= lr m c1 / (sqrt(s c2) + eps), c the bias corrections; with decoupled decay
// w *= 1 - lr wd first (Kingma and Ba 2015; Loshchilov and Hutter 2019).
template <bool Decay>
struct AdamRule {
    static constexpr bool first = true, second = true;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V& m, V& s) {
        m = fma(a.beta1, m, a.rest1 * g);
        s = fma(a.beta2, s, a.rest2 * g * g);
        if constexpr (Decay) w = w * a.keep;
        w = w - a.rate1 * m / (sqrt(s * a.correction2) + a.epsilon);
    }
};
using Adam = AdamRule<false>;
using AdamW = AdamRule<true>;

// Adam's m and s; w -= lr (b1 c1' m + (1 - b1) c1 g) / (sqrt(s c2) + eps), c1' the correction of the next step: the momentum this
// gradient will have had by then (Dozat 2016, with a constant b1; PyTorch lets it grow by its momentum_decay).
struct Nadam {
    static constexpr bool first = true, second = true;
    template <class V>
    static STEEPEST_INLINE void apply(const RuleArgs<V>& a, V& w, V g, V& m, V& s) {
        m = fma(a.beta1, m, a.rest1 * g);
        s = fma(a.beta2, s, a.rest2 * g * g);
        w = w - fma(a.rate_moment, m, a.rate_gradient * g) / (sqrt(s * a.correction2) + a.epsilon);
    }
};

// The n elements from j on; n == lanes unless Tail.
template <class V, class Rule, bool Tail>
STEEPEST_INLINE void update_vector(const RuleArgs<V>& a, typename V::value_type* w, const typename V::value_type* g,
                                   typename V::value_type* s1, typename V::value_type* s2, index_t j, index_t n) {
    const auto load = [j, n](const typename V::value_type* p) { return Tail ? V::load_n(p + j, n) : V::load(p + j); };
    const auto store = [j, n](typename V::value_type* p, V x) { Tail ? x.store_n(p + j, n) : x.store(p + j); };
    V parameter = load(w), first = V::zero(), second = V::zero();
    if constexpr (Rule::first) first = load(s1);
    if constexpr (Rule::second) second = load(s2);
    Rule::apply(a, parameter, fma(a.l2, parameter, load(g)), first, second);
    store(w, parameter);
    if constexpr (Rule::first) store(s1, first);
    if constexpr (Rule::second) store(s2, second);
}

// The rows of a block are a few lines each, too short for the hardware's prefetcher to follow: asks for the lines `below` elements
// further, two rows down; below a block's last rows those are the next block's. Any address is allowed.
template <class Rule, class T>
STEEPEST_INLINE void ask_below(const T* w, const T* s1, const T* s2, index_t below) {
    STEEPEST_PREFETCH(w + below);
    if constexpr (Rule::first) STEEPEST_PREFETCH(s1 + below);
    if constexpr (Rule::second) STEEPEST_PREFETCH(s2 + below);
}

template <class V, class Rule>
void update(index_t rows, index_t cols, typename V::value_type* w, index_t ldw, const typename V::value_type* g,
            index_t ldg, typename V::value_type* s1, typename V::value_type* s2,
            const UpdateArgs<typename V::value_type>& args) {
    constexpr index_t L = V::lanes;
    const RuleArgs<V> a(args);
    collapse(&rows, &cols, ldw == cols && ldg == cols);
    for (index_t r = 0; r < rows; ++r) {
        index_t j = 0;
        for (; j + L <= cols; j += L) {
            if (rows > 1) ask_below<Rule>(w, s1, s2, 2 * ldw + j);
            update_vector<V, Rule, false>(a, w, g, s1, s2, j, L);
        }
        if (j < cols) update_vector<V, Rule, true>(a, w, g, s1, s2, j, cols - j);
        w += ldw;
        g += ldg;
        if constexpr (Rule::first) s1 += ldw;
        if constexpr (Rule::second) s2 += ldw;
    }
}

}  // namespace
}  // namespace steepest
