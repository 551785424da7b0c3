// Philox4x32-10, one block at a time (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Counter and key in, four random words out; no state. kernels/dropout.hpp computes many blocks side by side.
#pragma once

#include <cstdint>

namespace steepest {

struct Philox {
    static constexpr std::uint32_t multiplier0 = 0xD2511F53u, multiplier1 = 0xCD9E8D57u;
    static constexpr std::uint32_t weyl0 = 0x9E3779B9u, weyl1 = 0xBB67AE85u;
    static constexpr int rounds = 10;
};

struct PhiloxBlock {
    std::uint32_t word[4];
};

static inline PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
    std::uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
    for (int round = 0; round < Philox::rounds; ++round) {
        const std::uint64_t p0 = std::uint64_t(Philox::multiplier0) * c0, p1 = std::uint64_t(Philox::multiplier1) * c2;
        c0 = std::uint32_t(p1 >> 32) ^ c1 ^ key0;
        c1 = std::uint32_t(p1);
        c2 = std::uint32_t(p0 >> 32) ^ c3 ^ key1;
        c3 = std::uint32_t(p0);
        key0 += Philox::weyl0;
        key1 += Philox::weyl1;
    }
    return {{c0, c1, c2, c3}};
}

}  // namespace steepest
