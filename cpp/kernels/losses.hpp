// Cross-entropies of rows and their gradients with respect to the logits.
//
// Everything is computed from differences to the row's maximum or from exp(-|z|), so no exponential overflows and adding 1e6 to
// all logits of a row changes only what the addition itself rounds away.
#pragma once

#include "kernels/row_functions.hpp"

namespace steepest {
namespace {

// total = sum t and dot = sum t (x - shift); a target of 0 takes no part, even where x is -inf.
template <class V>
STEEPEST_INLINE void target_sums(index_t n, const typename V::value_type* x, const typename V::value_type* t,
                                 typename V::value_type shift, typename V::value_type* total,
                                 typename V::value_type* dot) {
    constexpr index_t L = V::lanes;
    const V s = V::set(shift);
    V sum = V::zero(), product = V::zero();
    for (index_t j = 0; j < n; j += L) {
        const bool whole = n - j >= L;
        const V target = whole ? V::load(t + j) : V::load_n(t + j, n - j);
        const V logit = whole ? V::load(x + j) : V::load_n(x + j, n - j);
        sum = sum + target;
        product = product + select(eq(target, V::zero()), V::zero(), target * (logit - s));
    }
    *total = reduce_add(sum);
    *dot = reduce_add(product);
}

// sum (x - shift)
template <class V>
STEEPEST_INLINE typename V::value_type shifted_sum(index_t n, const typename V::value_type* x,
                                                   typename V::value_type shift) {
    constexpr index_t L = V::lanes;
    const V s = V::set(shift);
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) sum = sum + (V::load(x + j) - s);
    if (j < n) sum = sum + (V::load_n(x + j, n - j, s) - s);
    return reduce_add(sum);
}

// Label smoothing (Szegedy et al. 2016): t <- keep t + base, keep = 1 - e and base = e / cols.
template <class T>
struct Smoothing {
    T amount, keep, base;
    STEEPEST_INLINE Smoothing(double e, index_t cols)
        : amount(T(e)), keep(T(1.0 - e)), base(cols > 0 ? T(e / double(cols)) : T(0)) {}
};

// (total e / sum - keep t - base) coefficient
template <class V>
struct SoftGradient {
    V share, keep, base;
    STEEPEST_INLINE V operator()(V e, V t) const { return fma(e, share, neg(fma(t, keep, base))); }
};
template <class V>
struct LabelGradient {  // the same where t is 0
    V share, base;
    STEEPEST_INLINE V operator()(V e) const { return fma(e, share, neg(base)); }
};

// One row's numbers: loss = total log(sum) - dot.
template <class T>
struct RowSums {
    T total, dot, sum;
    bool correct;
};

// total and dot of the smoothed targets. Not without smoothing: 0 times a logit of -inf is NaN.
template <class V>
STEEPEST_INLINE void smooth(const Smoothing<typename V::value_type>& smoothing, index_t n,
                            const typename V::value_type* x, typename V::value_type shift,
                            RowSums<typename V::value_type>* sums) {
    if (!(smoothing.base > 0)) return;
    sums->total = smoothing.keep * sums->total + smoothing.amount;
    sums->dot = smoothing.keep * sums->dot + smoothing.base * shifted_sum<V>(n, x, shift);
}

// loss = log(sum) - (x_label - max), gradient = softmax(x) - one-hot(label); for rows of at most one vector, without smoothing.
template <class V>
STEEPEST_INLINE RowSums<typename V::value_type> narrow_label_row(index_t n, const typename V::value_type* x, int label,
                                                                 typename V::value_type coefficient,
                                                                 typename V::value_type* g) {
    using T = typename V::value_type;
    const NarrowRow<V> row(n, x);
    const unsigned bit = 1u << unsigned(label), largest = V::bits(eq(row.x, V::set(row.max)));
    const RowSums<T> sums{T(1), x[label] - row.max, row.sum, (largest & (2u * bit - 1u)) == bit};
    if (g != nullptr) {
        const V one_hot = select(V::mask_from_bits(bit), V::set(coefficient), V::zero());
        fma(row.e, V::set(coefficient / row.sum), neg(one_hot)).store_n(g, n);
    }
    return sums;
}

// The same for any width and smoothing.
template <class V>
STEEPEST_INLINE RowSums<typename V::value_type> label_row(index_t n, const typename V::value_type* x, index_t label,
                                                          typename V::value_type coefficient,
                                                          const Smoothing<typename V::value_type>& smoothing,
                                                          typename V::value_type* g) {
    using T = typename V::value_type;
    const T shift = row_max<V>(n, x);
    // All that reads the logits stands before the gradient, which may overwrite them.
    RowSums<T> sums{T(1), x[label] - shift, T(0), first_index<V>(n, x, shift) == label};
    smooth<V>(smoothing, n, x, shift, &sums);
    sums.sum = exp_row<V>(n, x, shift, g);
    if (g != nullptr) {
        const V share = V::set(sums.total * coefficient / sums.sum);
        map_row<V>(n, g, g, LabelGradient<V>{share, V::set(smoothing.base * coefficient)});
        g[label] -= smoothing.keep * coefficient;
    }
    return sums;
}

// loss = -sum_j t_j log softmax(x)_j = total log(sum) - sum_j t_j (x_j - max), gradient = total softmax(x) - t.
template <class V>
STEEPEST_INLINE RowSums<typename V::value_type> target_row(index_t n, const typename V::value_type* x,
                                                           const typename V::value_type* t,
                                                           typename V::value_type coefficient,
                                                           const Smoothing<typename V::value_type>& smoothing,
                                                           typename V::value_type* g) {
    using T = typename V::value_type;
    const T shift = row_max<V>(n, x);
    RowSums<T> sums{};
    sums.correct = first_index<V>(n, x, shift) == first_index<V>(n, t, row_max<V>(n, t));
    target_sums<V>(n, x, t, shift, &sums.total, &sums.dot);
    smooth<V>(smoothing, n, x, shift, &sums);
    sums.sum = exp_row<V>(n, x, shift, g);
    if (g != nullptr) {
        const SoftGradient<V> gradient{V::set(sums.total * coefficient / sums.sum),
                                       V::set(smoothing.keep * coefficient), V::set(smoothing.base * coefficient)};
        zip_row<V>(n, g, t, g, gradient);
    }
    return sums;
}

template <class V>
void softmax_cross_entropy(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t chunk = kRowsOfLogs;
    const Smoothing<T> smoothing(a.smoothing, a.cols);
    T sums[chunk], totals[chunk], dots[chunk];
    a.correct = 0;
    for (index_t begin = 0; begin < a.rows; begin += chunk) {
        const index_t count = a.rows - begin < chunk ? a.rows - begin : chunk;
        for (index_t i = 0; i < count; ++i) {
            const index_t r = begin + i;
            const T* x = a.output + r * a.ldo;
            T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
            const T coefficient = a.weights == nullptr ? a.scale : a.scale * a.weights[r];
            RowSums<T> row;
            if (a.targets != nullptr)
                row = target_row<V>(a.cols, x, a.targets + r * a.ldt, coefficient, smoothing, g);
            else if (a.cols <= V::lanes && !(smoothing.base > 0))
                row = narrow_label_row<V>(a.cols, x, a.labels[r], coefficient, g);
            else
                row = label_row<V>(a.cols, x, a.labels[r], coefficient, smoothing, g);
            sums[i] = row.sum;
            totals[i] = row.total;
            dots[i] = row.dot;
            a.correct += row.correct;
        }
        map_row<V>(count, sums, sums, log_of<V>{});
        for (index_t i = 0; i < count; ++i) a.row_loss[begin + i] = totals[i] * sums[i] - dots[i];
    }
}

// One vector of logits z with targets t: the loss -t log s(z) - (1 - t) log(1 - s(z)) = max(z, 0) - z t + log(1 + exp(-|z|)), and
// its derivative s(z) - t from the same exponential.
template <class V>
struct SigmoidTerm {
    V loss, gradient;
    unsigned wrong;  // bit i: z and t of lane i are on different sides
    STEEPEST_INLINE SigmoidTerm(V z, V t) {
        using T = typename V::value_type;
        const V one = V::set(T(1)), e = exp(neg(abs(z)));
        loss = max(V::zero(), z) - z * t + log1p_unit(e);
        gradient = select(lt(z, V::zero()), e, one) / (one + e) - t;
        wrong = V::bits(gt(z, V::zero())) ^ V::bits(gt(t, V::set(T(0.5))));
    }
};

template <class V>
void sigmoid_cross_entropy(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    a.correct = 0;
    for (index_t r = 0; r < a.rows; ++r) {
        const T *z = a.output + r * a.ldo, *t = a.targets + r * a.ldt;
        T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
        const V coefficient = V::set(a.weights == nullptr ? a.scale : a.scale * a.weights[r]);
        V sum = V::zero();
        unsigned wrong = 0;
        for (index_t j = 0; j < a.cols; j += L) {
            const index_t n = a.cols - j;
            if (n >= L) {
                const SigmoidTerm<V> term(V::load(z + j), V::load(t + j));
                sum = sum + term.loss;
                wrong |= term.wrong;
                if (g != nullptr) (term.gradient * coefficient).store(g + j);
            } else {  // the lanes beyond are logit 0 and target 0: on the right side, but not without loss
                const SigmoidTerm<V> term(V::load_n(z + j, n), V::load_n(t + j, n));
                sum = sum + select(V::first_lanes(n), term.loss, V::zero());
                wrong |= term.wrong;
                if (g != nullptr) (term.gradient * coefficient).store_n(g + j, n);
            }
        }
        a.row_loss[r] = reduce_add(sum);
        a.correct += wrong == 0;
    }
}

}  // namespace
}  // namespace steepest
