// Dropout and Gaussian noise. A mask is no state: element (row, col) of the batch is kept when its own random word is at least the
// threshold, and the word is a function of (seed, step, operation, row, col), the same for every instruction set and any division of the work.
//
// Columns come in groups of 64 = 16 blocks of 4 words: column 64 g + 16 w + lane owns word w of the Philox block with
//     counter = {16 g + lane, row0 + r, operation, low half of step},   key = {low half of seed, high half of seed ^ high half of step}.
// Noise sets bit 31 of the counter's first word, so that the two share no block (rows of up to 2^33 columns), whatever their streams.
// So one Philox over 16 lanes yields four vectors of 16 neighbouring columns; 8 lanes need it twice, one lane 16 times.
#pragma once

#include "core/philox.hpp"
#include "kernels/table.hpp"
#include "simd/loop.hpp"
#include "simd/math.hpp"

namespace steepest {
namespace {

// N times as many blocks as a vector has lanes: a single chain of multiplications leaves the multiplier idle. The even and the odd lanes go
// apart, each word in the lower half of 64 bits: a product then lies where the next round wants it, and of what is in the upper halves
// no word depends.
template <int N, class U>
STEEPEST_INLINE void philox_lanes(U (&c)[N][4], std::uint32_t key0, std::uint32_t key1) {
    const U m0 = U::set(Philox::multiplier0), m1 = U::set(Philox::multiplier1);
    const U weyl0 = U::set(Philox::weyl0), weyl1 = U::set(Philox::weyl1);
    U k0 = U::set(key0), k1 = U::set(key1);
    constexpr int halves = U::lanes > 1 ? 2 * N : N;
    U half[2 * N][4];
#pragma GCC unroll 8
    for (int i = 0; i < 4 * N; ++i) {
        half[i / 4][i % 4] = c[i / 4][i % 4];
        half[N + i / 4][i % 4] = odd_lanes(c[i / 4][i % 4]);
    }
#pragma GCC unroll 1
    for (int round = 0; round < Philox::rounds; ++round) {
#pragma GCC unroll 4
        for (int h = 0; h < halves; ++h) {
            U(&w)[4] = half[h];
            const U product0 = mul_even(w[0], m0), product1 = mul_even(w[2], m1);
            w[0] = odd_lanes(product1) ^ w[1] ^ k0;
            w[1] = product1;
            w[2] = odd_lanes(product0) ^ w[3] ^ k1;
            w[3] = product0;
        }
        k0 = k0 + weyl0;
        k1 = k1 + weyl1;
    }
#pragma GCC unroll 8
    for (int i = 0; i < 4 * N; ++i) c[i / 4][i % 4] = join_even(half[i / 4][i % 4], half[N + i / 4][i % 4]);
}

// Bit c of keep[i]: column 64 group + c of row row[i] is kept.
template <class U>
STEEPEST_INLINE void keep_bits(std::uint32_t group, const std::uint32_t (&row)[2], std::uint32_t threshold,
                               const MaskKey& key, std::uint64_t (&keep)[2]) {
    const std::uint32_t key0 = std::uint32_t(key.seed);
    const std::uint32_t key1 = std::uint32_t(key.seed >> 32) ^ std::uint32_t(key.step >> 32);
    const U limit = U::set(threshold);
    keep[0] = keep[1] = 0;
    for (int lane = 0; lane < 16; lane += U::lanes) {
        U c[2][4];
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            c[i][0] = U::iota(16 * group + std::uint32_t(lane));
            c[i][1] = U::set(row[i]);
            c[i][2] = U::set(key.operation);
            c[i][3] = U::set(std::uint32_t(key.step));
        }
        philox_lanes(c, key0, key1);
#pragma GCC unroll 8
        for (int w = 0; w < 8; ++w)
            keep[w / 4] |= std::uint64_t(ge_bits(c[w / 4][w % 4], limit)) << (16 * (w % 4) + lane);
    }
}

template <class U>
void dropout_mask(index_t rows, index_t cols, index_t row0, std::uint32_t threshold, MaskKey key, std::uint64_t* bits,
                  index_t ldb) {
    for (index_t r = 0; r < rows; r += 2) {
        // A last row alone is drawn twice.
        const index_t next = r + 1 < rows ? 1 : 0;
        const std::uint32_t row[2] = {std::uint32_t(row0 + r), std::uint32_t(row0 + r + next)};
        for (index_t group = 0; group * 64 < cols; ++group) {
            std::uint64_t keep[2];
            keep_bits<U>(std::uint32_t(group), row, threshold, key, keep);
            bits[r * ldb + group] = keep[0];
            bits[(r + next) * ldb + group] = keep[1];
        }
    }
}

// y = keep ? x * scale : 0. A select and not a product: a dropped inf or NaN is gone.
template <class V>
void apply_mask(index_t rows, index_t cols, const typename V::value_type* x, index_t ldx, const std::uint64_t* bits,
                index_t ldb, typename V::value_type scale, typename V::value_type* y, index_t ldy) {
    constexpr index_t L = V::lanes;
    const V factor = V::set(scale);
    for (index_t r = 0; r < rows; ++r) {
        const auto* from = x + r * ldx;
        auto* to = y + r * ldy;
        for (index_t begin = 0; begin < cols; begin += 64) {
            std::uint64_t keep = bits[r * ldb + begin / 64];
            const index_t end = cols - begin < 64 ? cols : begin + 64;
            index_t j = begin;
            for (; j + L <= end; j += L) {
                select(V::mask_from_bits(unsigned(keep)), V::load(from + j) * factor, V::zero()).store(to + j);
                keep >>= L;
            }
            if (j < end)
                select(V::mask_from_bits(unsigned(keep)), V::load_n(from + j, end - j) * factor, V::zero())
                    .store_n(to + j, end - j);
        }
    }
}

// The 64 words of 16 blocks, lane by lane and word by word: those of a group of columns in the columns' order. One function for all
// element types and callers.
template <class U>
STEEPEST_NOINLINE void random_words(std::uint32_t first, std::uint32_t row, MaskKey key, std::uint32_t* words) {
    const std::uint32_t key0 = std::uint32_t(key.seed);
    const std::uint32_t key1 = std::uint32_t(key.seed >> 32) ^ std::uint32_t(key.step >> 32);
    for (int lane = 0; lane < 16; lane += U::lanes) {
        U c[1][4] = {{U::iota(first + std::uint32_t(lane)), U::set(row), U::set(key.operation),
                      U::set(std::uint32_t(key.step))}};
        philox_lanes(c, key0, key1);
#pragma GCC unroll 4
        for (int w = 0; w < 4; ++w) c[0][w].store(words + 16 * w + lane);
    }
}

// 64 standard normal numbers (Box and Muller 1958). Words 0 and 1 of a block, a and b, make those of columns 16 w + lane, w = 0 and 1:
//     r cos(pi k) and r sin(pi k),   r = sqrt(-2 log u),   u = (a + 1/2) / 2^32,   k = b / 2^31 - 1,
// and so do words 2 and 3. The largest is 6.8. Close to 1 the logarithm comes from 1 - u = (not a + 1/2) / 2^32, which a float holds
// where it cannot hold u.
template <class V>
STEEPEST_INLINE void normal_numbers(const std::uint32_t* words, typename V::value_type* out) {
    using T = typename V::value_type;
    T plain[64], complement[64];
    for (int i = 0; i < 64; ++i) plain[i] = T(words[i]);
    for (int i = 0; i < 64; ++i) complement[i] = T(~words[i]);
    const V half = V::set(T(0.5)), one = V::set(T(1)), unit = V::set(T(1.0 / 4294967296.0));
    for (int pair = 0; pair < 64; pair += 32) {
        for (int lane = 0; lane < 16; lane += V::lanes) {
            const V u = (V::load(plain + pair + lane) + half) * unit;
            V exponent;
            const V m = split_for_log(u, &exponent);
            const auto near = ge(u, V::set(MathConstants<T>::sqrt_half));  // there the exponent is 0
            const V f = select(near, neg((V::load(complement + pair + lane) + half) * unit), m);
            const V r = sqrt(V::set(T(-2)) * log_reduced(f, exponent, V::zero()));
            const V k = V::load(plain + pair + 16 + lane) * V::set(T(1.0 / 2147483648.0)) - one;
            V cosine, sine;
            cos_sin_pi(k, &cosine, &sine);
            (r * cosine).store(out + pair + lane);
            (r * sine).store(out + pair + 16 + lane);
        }
    }
}

template <class V>
struct AddScaled {
    V factor;
    STEEPEST_INLINE V operator()(V x, V n) const { return fma(factor, n, x); }
};

// y = x + sigma n
template <class V>
void gaussian_noise(index_t rows, index_t cols, index_t row0, const typename V::value_type* x, index_t ldx,
                    typename V::value_type* y, index_t ldy, typename V::value_type sigma, MaskKey key) {
    std::uint32_t words[64];
    typename V::value_type normal[64];
    for (index_t r = 0; r < rows; ++r) {
        for (index_t begin = 0; begin < cols; begin += 64) {
            random_words<typename V::U32>(0x80000000u + std::uint32_t(begin / 4), std::uint32_t(row0 + r), key, words);
            normal_numbers<V>(words, normal);
            zip_row<V>(cols - begin < 64 ? cols - begin : 64, x + r * ldx + begin, normal, y + r * ldy + begin,
                       AddScaled<V>{V::set(sigma)});
        }
    }
}

}  // namespace
}  // namespace steepest
