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

// e = exp(x - shift) and its sum; e goes to `out` unless that is null. out may be x.
template <class V>
STEEPEST_INLINE typename V::value_type exp_row(index_t n, const typename V::value_type* x, typename V::value_type shift,
                                               typename V::value_type* out) {
    constexpr index_t L = V::lanes;
    const V s = V::set(shift);
    V sum = V::zero();
    index_t j = 0;
    for (; j + L <= n; j += L) {
        const V e = exp(V::load(x + j) - s);
        if (out != nullptr) e.store(out + j);
        sum = sum + e;
    }
    if (j < n) {
        // exp(0) and then a mask in the lanes beyond: exp(-inf) = 0 would underflow on the way, which costs hundreds of cycles.
        const V e = exp(V::load_n(x + j, n - j, s) - s);
        if (out != nullptr) e.store_n(out + j, n - j);
        sum = sum + select(V::first_lanes(n - j), e, V::zero());
    }
    return reduce_add(sum);
}

template <class V>
struct Scale {
    V factor;
    STEEPEST_INLINE V operator()(V x) const { return x * factor; }
};

// A row of at most one vector stays in registers from the logits to the result.
template <class V>
struct NarrowRow {
    using T = typename V::value_type;
    V x, e;
    T max, sum;
    STEEPEST_INLINE NarrowRow(index_t n, const T* logits) {
        x = V::load_n(logits, n, V::set(-std::numeric_limits<T>::infinity()));
        max = reduce_max(x);
        const V shift = V::set(max);
        const auto inside = V::first_lanes(n);
        e = select(inside, exp(select(inside, x - shift, V::zero())), V::zero());
        sum = reduce_add(e);
    }
};

template <class V>
void softmax(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx, typename V::value_type* y,
             index_t ldy) {
    using T = typename V::value_type;
    if (cols <= V::lanes) {
        for (index_t r = 0; r < rows; ++r) {
            const NarrowRow<V> row(cols, x + r * ldx);
            (row.e / V::set(row.sum)).store_n(y + r * ldy, cols);
        }
        return;
    }
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

// One row's numbers: loss = total log(sum) - dot.
template <class T>
struct RowSums {
    T total, dot, sum;
    bool correct;
};

// loss = log(sum) - (x_label - max), gradient = softmax(x) - one-hot(label); for rows of at most one vector.
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

// The same for any width.
template <class V>
STEEPEST_INLINE RowSums<typename V::value_type> label_row(index_t n, const typename V::value_type* x, index_t label,
                                                          typename V::value_type coefficient,
                                                          typename V::value_type* g) {
    using T = typename V::value_type;
    const T shift = row_max<V>(n, x);
    // All that reads the logits stands before the gradient, which may overwrite them.
    RowSums<T> sums{T(1), x[label] - shift, T(0), first_index<V>(n, x, shift) == label};
    sums.sum = exp_row<V>(n, x, shift, g);
    if (g != nullptr) {
        map_row<V>(n, g, g, Scale<V>{V::set(coefficient / sums.sum)});
        g[label] -= coefficient;
    }
    return sums;
}

// loss = -sum_j t_j log softmax(x)_j = total log(sum) - sum_j t_j (x_j - max), gradient = total softmax(x) - t.
template <class V>
STEEPEST_INLINE RowSums<typename V::value_type> target_row(index_t n, const typename V::value_type* x,
                                                           const typename V::value_type* t,
                                                           typename V::value_type coefficient,
                                                           typename V::value_type* g) {
    using T = typename V::value_type;
    const T shift = row_max<V>(n, x);
    RowSums<T> sums{};
    sums.correct = first_index<V>(n, x, shift) == first_index<V>(n, t, row_max<V>(n, t));
    target_sums<V>(n, x, t, shift, &sums.total, &sums.dot);
    sums.sum = exp_row<V>(n, x, shift, g);
    if (g != nullptr) {
        const SoftGradient<V> gradient{V::set(sums.total * coefficient / sums.sum), V::set(coefficient)};
        zip_row<V>(n, g, t, g, gradient);
    }
    return sums;
}

template <class V>
void softmax_cross_entropy(LossRows<typename V::value_type>& a) {
    using T = typename V::value_type;
    constexpr index_t chunk = 32;  // rows whose logarithms are taken together
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
                row = target_row<V>(a.cols, x, a.targets + r * a.ldt, coefficient, g);
            else if (a.cols <= V::lanes)
                row = narrow_label_row<V>(a.cols, x, a.labels[r], coefficient, g);
            else
                row = label_row<V>(a.cols, x, a.labels[r], coefficient, g);
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
        loss = max(V::zero(), z) - z * t + log1p(e);
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
