// Every operation of NEON's vectors has, lane by lane, the bits of the scalar reference; both have a fused multiply-add, so there is
// nothing to tolerate. (The vectors of x86 need flags of their own, which only the units of the instruction sets are compiled with.)
#if defined(__aarch64__)

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "scratch.hpp"
#include "simd/neon.hpp"
#include "simd/scalar.hpp"

using namespace steepest;

namespace {

template <class T>
std::vector<T> numbers() {
    using Limits = std::numeric_limits<T>;
    const T some[] = {T(0),
                      T(0.25),
                      T(0.5),
                      T(1),
                      T(1.5),
                      T(2.5),
                      T(1.1),
                      T(-3.7),
                      Limits::min(),
                      Limits::max(),
                      Limits::infinity(),
                      Limits::quiet_NaN(),
                      T(1e6),
                      T(0.3),
                      Limits::denorm_min(),
                      Limits::min() * T(0.3),
                      T(0.499999),
                      T(1) / Limits::epsilon()};
    std::vector<T> all;
    for (const T x : some) {
        all.push_back(x);
        all.push_back(-x);
    }
    return all;
}

// The same bits; of NaN only that it is one, for which of two NaN an addition hands on is the processor's matter.
template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class T>
struct Pair {
    using S = scalar::Vec<T>;
    using N = neon::Vec<T>;

    // f(a, b, c) on every lane at once, with a different number in each, against one lane after the other.
    template <class F>
    static void hold(const char* name, F f) {
        const std::vector<T> x = numbers<T>();
        const std::size_t n = x.size();
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                T in[3][N::lanes], out[N::lanes];
                for (int lane = 0; lane < N::lanes; ++lane) {
                    in[0][lane] = x[(i + std::size_t(lane)) % n];
                    in[1][lane] = x[(j + 3 * std::size_t(lane)) % n];
                    in[2][lane] = x[(i + j + 5 * std::size_t(lane)) % n];
                }
                f(N::load(in[0]), N::load(in[1]), N::load(in[2])).store(out);
                for (int lane = 0; lane < N::lanes; ++lane) {
                    const T expected = f(S{in[0][lane]}, S{in[1][lane]}, S{in[2][lane]}).v;
                    testing::set_context(testing::type_name<T>(), name, in[0][lane], in[1][lane], in[2][lane], "gave",
                                         out[lane], "for", expected);
                    CHECK(same(out[lane], expected));
                }
            }
        }
    }
};

// What a mask selects where it is set, and where it is not.
template <class T>
void hold_comparisons() {
    using P = Pair<T>;
    P::hold("lt", [](auto a, auto b, auto c) { return select(lt(a, b), a, c); });
    P::hold("le", [](auto a, auto b, auto c) { return select(le(a, b), a, c); });
    P::hold("gt", [](auto a, auto b, auto c) { return select(gt(a, b), a, c); });
    P::hold("ge", [](auto a, auto b, auto c) { return select(ge(a, b), a, c); });
    P::hold("eq", [](auto a, auto b, auto c) { return select(eq(a, b), a, c); });
}

template <class T>
void hold_arithmetic() {
    using P = Pair<T>;
    P::hold("+", [](auto a, auto b, auto) { return a + b; });
    P::hold("-", [](auto a, auto b, auto) { return a - b; });
    P::hold("*", [](auto a, auto b, auto) { return a * b; });
    P::hold("/", [](auto a, auto b, auto) { return a / b; });
    P::hold("fma", [](auto a, auto b, auto c) { return fma(a, b, c); });
    P::hold("fnma", [](auto a, auto b, auto c) { return fnma(a, b, c); });
    P::hold("max", [](auto a, auto b, auto) { return max(a, b); });
    P::hold("min", [](auto a, auto b, auto) { return min(a, b); });
    P::hold("copysign", [](auto a, auto b, auto) { return copysign(a, b); });
    P::hold("neg", [](auto a, auto, auto) { return neg(a); });
    P::hold("abs", [](auto a, auto, auto) { return abs(a); });
    P::hold("sqrt", [](auto a, auto, auto) { return sqrt(a); });
    P::hold("round", [](auto a, auto, auto) { return round(a); });
    P::hold("floor", [](auto a, auto, auto) { return floor(a); });
    // Exponents as math.hpp has them: integers up to twice the largest.
    P::hold("ldexp", [](auto a, auto b, auto) {
        using V = decltype(a);
        const V most = V::set(T(2 * std::numeric_limits<T>::max_exponent));
        return ldexp(a, round(min(most, max(neg(most), select(eq(b, b), b, most)))));
    });
}

// What is said of frexp: finite numbers but 0.
template <class T>
void hold_frexp() {
    const auto finite = [](auto a) {
        using V = decltype(a);
        const auto far = ge(abs(a), V::set(std::numeric_limits<T>::infinity()));
        return select(eq(a, a), select(far, V::set(T(1)), select(eq(a, V::zero()), V::set(T(-1)), a)), V::set(T(1)));
    };
    Pair<T>::hold("frexp", [finite](auto a, auto, auto) {
        decltype(a) exponent;
        return frexp(finite(a), &exponent);
    });
    Pair<T>::hold("exponent", [finite](auto a, auto, auto) {
        decltype(a) exponent;
        frexp(finite(a), &exponent);
        return exponent;
    });
}

template <class T>
void hold_lanes() {
    using V = neon::Vec<T>;
    constexpr int L = V::lanes;
    T up[L], rest[L], out[L];
    for (int i = 0; i < L; ++i) {
        up[i] = T(i + 1);
        rest[i] = T(-i - 1);
    }
    const V a = V::load(up), b = V::load(rest);
    for (int n = 0; n <= L; ++n) {
        testing::set_context(testing::type_name<T>(), "lanes", n);
        CHECK_EQ(V::bits(V::first_lanes(n)), (1u << n) - 1);
        V::load_n(up, n).store(out);
        for (int i = 0; i < L; ++i) CHECK_EQ(out[i], i < n ? up[i] : T(0));
        V::load_n(up, n, b).store(out);
        for (int i = 0; i < L; ++i) CHECK_EQ(out[i], i < n ? up[i] : rest[i]);
        b.store(out);
        a.store_n(out, n);
        for (int i = 0; i < L; ++i) CHECK_EQ(out[i], i < n ? up[i] : rest[i]);
    }
    // Bits beyond the lanes are ignored: apply_mask hands on all that is left of a row.
    for (unsigned bits = 0; bits < 64; ++bits) CHECK_EQ(V::bits(V::mask_from_bits(bits)), bits % (1u << L));
    CHECK_EQ(reduce_add(a), T(L * (L + 1) / 2));
    for (int i = 0; i < L; ++i) {
        b.store(out);
        out[i] = T(7);
        CHECK_EQ(reduce_max(V::load(out)), T(7));
    }
    V low, high;
    interleave(a, b, &low, &high);
    for (int i = 0; i < 2 * L; ++i) {
        (i < L ? low : high).store(out);
        CHECK_EQ(out[i % L], i % 2 == 0 ? up[i / 2] : rest[i / 2]);
    }
}

}  // namespace

TEST(neon_vectors_have_the_bits_of_the_reference) {
    hold_arithmetic<float>();
    hold_arithmetic<double>();
    hold_comparisons<float>();
    hold_comparisons<double>();
    hold_frexp<float>();
    hold_frexp<double>();
}

TEST(neon_vectors_know_their_lanes) {
    hold_lanes<float>();
    hold_lanes<double>();
}

#endif
