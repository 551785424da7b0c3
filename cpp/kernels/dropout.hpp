// Dropout. No mask is stored: element (row, col) of the batch is kept when its own random word is at least the threshold, and the
// word is a function of (seed, step, operation, row, col), the same for every instruction set and any division of the work.
//
// Columns come in groups of 64 = 16 blocks of 4 words: column 64 g + 16 w + lane owns word w of the Philox block with
//     counter = {16 g + lane, row0 + r, operation, low half of step},   key = {low half of seed, high half of seed ^ high half of step}.
// So one Philox over 16 lanes yields four vectors of 16 neighbouring columns; 8 lanes need it twice, one lane 16 times.
#pragma once

#include "core/philox.hpp"
#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

template <class U>
STEEPEST_INLINE void philox_lanes(U (&c)[4], std::uint32_t key0, std::uint32_t key1) {
    const U m0 = U::set(Philox::multiplier0), m1 = U::set(Philox::multiplier1);
#pragma GCC unroll 10
    for (int round = 0; round < Philox::rounds; ++round) {
        U high0, low0, high1, low1;
        mul_wide(c[0], m0, &high0, &low0);
        mul_wide(c[2], m1, &high1, &low1);
        c[0] = high1 ^ c[1] ^ U::set(key0);
        c[1] = low1;
        c[2] = high0 ^ c[3] ^ U::set(key1);
        c[3] = low0;
        key0 += Philox::weyl0;
        key1 += Philox::weyl1;
    }
}

// Bit c: column 64 group + c of this row is kept.
template <class U>
STEEPEST_INLINE std::uint64_t keep_bits(std::uint32_t group, std::uint32_t row, std::uint32_t threshold,
                                        const MaskKey& key) {
    const std::uint32_t key0 = std::uint32_t(key.seed);
    const std::uint32_t key1 = std::uint32_t(key.seed >> 32) ^ std::uint32_t(key.step >> 32);
    const U limit = U::set(threshold);
    std::uint64_t keep = 0;
    for (int lane = 0; lane < 16; lane += U::lanes) {
        U c[4] = {U::iota(16 * group + std::uint32_t(lane)), U::set(row), U::set(key.operation),
                  U::set(std::uint32_t(key.step))};
        philox_lanes(c, key0, key1);
#pragma GCC unroll 4
        for (int w = 0; w < 4; ++w) keep |= std::uint64_t(ge_bits(c[w], limit)) << (16 * w + lane);
    }
    return keep;
}

// y = keep ? x * scale : 0. A select and not a product: a dropped inf or NaN is gone.
template <class V>
void dropout(index_t rows, index_t cols, index_t row0, const typename V::value_type* x, index_t ldx,
             typename V::value_type* y, index_t ldy, std::uint32_t threshold, typename V::value_type scale,
             MaskKey key) {
    constexpr index_t L = V::lanes;
    const V factor = V::set(scale);
    for (index_t r = 0; r < rows; ++r) {
        const auto* from = x + r * ldx;
        auto* to = y + r * ldy;
        for (index_t begin = 0; begin < cols; begin += 64) {
            std::uint64_t keep =
                keep_bits<typename V::U32>(std::uint32_t(begin / 64), std::uint32_t(row0 + r), threshold, key);
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

}  // namespace
}  // namespace steepest
