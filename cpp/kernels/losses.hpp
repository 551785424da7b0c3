// Losses of rows and their gradients with respect to the network's output, and softmax.
//
// Everything is computed from differences to the row's maximum or from exp(-|z|), so no exponential overflows and adding 1e6 to
// all logits of a row changes only what the addition itself rounds away.
#pragma once

#include "kernels/table.hpp"
#include "kernels/vector_math.hpp"

namespace steepest {
namespace {

template <class V>
STEEPEST_INLINE typename V::value_type row_max(index_t n, const typename V::value_type* x) {
    constexpr index_t L = V::lanes;
    const V lowest = V::set(-std::numeric_limits<typename V::value_type>::infinity());
    V m = lowest;
    index_t j = 0;
    for (; j + L <= n; j += L) m = max(m, V::load(x + j));
    if (j < n) m = max(m, V::load_n(x + j, n - j, lowest));
    return reduce_max(m);
}

// The first j with x[j] == value, or n.
template <class V>
STEEPEST_INLINE index_t first_index(index_t n, const typename V::value_type* x, typename V::value_type value) {
    constexpr index_t L = V::lanes;
    const V wanted = V::set(value);
    for (index_t j = 0; j < n; j += L) {
        // Lanes beyond n may match too, but never before a lane inside.
        unsigned found = V::bits(eq(n - j < L ? V::load_n(x + j, n - j) : V::load(x + j), wanted));
        if (found == 0) continue;
        for (; (found & 1u) == 0; found >>= 1) ++j;
        return j < n ? j : n;
    }
    return n;
}

// What the rows of softmax_cross_entropy need of the logarithm, taken for many rows at once: loss = total log(sum) - dot.
struct RowSums {
    static constexpr index_t rows = 32;
};

// e = exp(x - shift) and its sum; e goes to `out` unless that is null. out may be x.
template <class V>
STEEPEST_INLINE typename V::value_type exp_row(index_t n, const typename V::value_type* x, typename V::value_type shift,
                                               typename V::value_type* out) {
    constexpr index_t L = V::lanes;
    const V s = V::set(shift), lowest = V::set(-std::numeric_limits<typename V::value_type>::infinity());
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) {
        const V e = exp(V::load(x + j) - s);
        if (out != nullptr) e.store(out + j);
        sum = sum + e;
    }
    if (j < n) {
        const V e = exp(V::load_n(x + j, n - j, lowest) - s);  // exp(-inf) = 0 in the lanes beyond
        if (out != nullptr) e.store_n(out + j, n - j);
        sum = sum + e;
    }
    return reduce_add(sum);
}

template <class V>
struct Scale {
    V factor;
    STEEPEST_INLINE V operator()(V x) const { return x * factor; }
};

template <class V>
void softmax(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx, typename V::value_type* y,
             index_t ldy) {
    using T = typename V::value_type;
    for (index_t r = 0; r < rows; ++r) {
        const T* from = x + r * ldx;
        T* to = y + r * ldy;
        const T sum = exp_row<V>(cols, from, row_max<V>(cols, from), to);
        map_row<V>(cols, to, to, Scale<V>{V::set(T(1) / sum)});
    }
}

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

template <class V>
struct SoftGradient {  // (total e / sum - t) coefficient
    V share, coefficient;
    STEEPEST_INLINE V operator()(V e, V t) const { return fma(e, share, neg(t * coefficient)); }
};

// loss = -sum_j t_j log softmax(x)_j = total log(sum) - sum_j t_j (x_j - max), gradient = total softmax(x) - t.
template <class V>
void softmax_cross_entropy(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t chunk = RowSums::rows;
    T sums[chunk], totals[chunk], dots[chunk];
    a.correct = 0;
    for (index_t begin = 0; begin < a.rows; begin += chunk) {
        const index_t count = a.rows - begin < chunk ? a.rows - begin : chunk;
        for (index_t i = 0; i < count; ++i) {
            const index_t r = begin + i;
            const T* x = a.output + r * a.ldo;
            const T* t = a.targets == nullptr ? nullptr : a.targets + r * a.ldt;
            T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
            const T shift = row_max<V>(a.cols, x),
                    coefficient = a.weights == nullptr ? a.scale : a.scale * a.weights[r];
            // All that reads the logits stands before the gradient, which may overwrite them.
            const index_t label = t == nullptr ? a.labels[r] : first_index<V>(a.cols, t, row_max<V>(a.cols, t));
            a.correct += first_index<V>(a.cols, x, shift) == label;
            if (t == nullptr) {
                totals[i] = T(1);
                dots[i] = x[label] - shift;
            } else {
                target_sums<V>(a.cols, x, t, shift, &totals[i], &dots[i]);
            }
            sums[i] = exp_row<V>(a.cols, x, shift, g);
            if (g == nullptr) continue;
            const V share = V::set(totals[i] * coefficient / sums[i]);
            if (t == nullptr) {
                map_row<V>(a.cols, g, g, Scale<V>{share});
                g[label] -= coefficient;
            } else {
                zip_row<V>(a.cols, g, t, g, SoftGradient<V>{share, V::set(coefficient)});
            }
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
        loss = max(V::zero(), z) - z * t + log1p(e);
        gradient = select(lt(z, V::zero()), e, one) / (one + e) - t;
        wrong = V::bits(gt(z, V::zero())) ^ V::bits(gt(t, V::set(T(0.5))));
    }
};

template <class V>
void sigmoid_cross_entropy(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    // In the lanes beyond the row: a logit so low that it costs nothing and stands on the right side of target 0.
    const V low = V::set(T(-1e4));
    a.correct = 0;
    for (index_t r = 0; r < a.rows; ++r) {
        const T *z = a.output + r * a.ldo, *t = a.targets + r * a.ldt;
        T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
        const V coefficient = V::set(a.weights == nullptr ? a.scale : a.scale * a.weights[r]);
        V sum = V::zero();
        unsigned wrong = 0;
        for (index_t j = 0; j < a.cols; j += L) {
            const index_t n = a.cols - j;
            const SigmoidTerm<V> term(n < L ? V::load_n(z + j, n, low) : V::load(z + j),
                                      n < L ? V::load_n(t + j, n) : V::load(t + j));
            sum = sum + term.loss;
            wrong |= term.wrong;
            if (g == nullptr) continue;
            if (n < L)
                (term.gradient * coefficient).store_n(g + j, n);
            else
                (term.gradient * coefficient).store(g + j);
        }
        a.row_loss[r] = reduce_add(sum);
        a.correct += wrong == 0;
    }
}

// loss = mean_j (o_j - t_j)^2, gradient = 2 (o - t) / cols.
template <class V>
void mse(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t L = V::lanes;
    a.correct = 0;
    const T share = a.cols > 0 ? T(1) / T(a.cols) : T(0);
    for (index_t r = 0; r < a.rows; ++r) {
        const T *o = a.output + r * a.ldo, *t = a.targets + r * a.ldt;
        T* g = a.gradient == nullptr ? nullptr : a.gradient + r * a.ldg;
        const V factor = V::set(T(2) * share * (a.weights == nullptr ? a.scale : a.scale * a.weights[r]));
        V sum = V::zero();
        for (index_t j = 0; j < a.cols; j += L) {
            const index_t n = a.cols - j;
            const V d = n < L ? V::load_n(o + j, n) - V::load_n(t + j, n) : V::load(o + j) - V::load(t + j);
            sum = fma(d, d, sum);
            if (g == nullptr) continue;
            if (n < L)
                (d * factor).store_n(g + j, n);
            else
                (d * factor).store(g + j);
        }
        a.row_loss[r] = reduce_add(sum) * share;
    }
}

}  // namespace
}  // namespace steepest
