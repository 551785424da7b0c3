// The machine's peak: fused multiply-adds on registers alone, enough of them in flight to hide the latency (4 cycles, 2 units: 8; some
// processors with 16-byte vectors have 4 units).
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"

namespace steepest {
namespace {

template <class V>
double fma_peak(index_t iterations, typename V::value_type* sink) {
    using T = typename V::value_type;
    constexpr int chains = sizeof(V) == 16 ? 24 : 12;
    // Loaded, so that the compiler cannot fold the sums; |x| < 1 keeps them finite for any number of rounds.
    const V x = V::set(sink[0] * T(0) + T(0.5)), y = V::set(sink[0] * T(0) + T(0.25));
    V sum[chains];
#pragma GCC unroll 24
    for (int c = 0; c < chains; ++c) sum[c] = V::set(T(c));
    for (index_t i = 0; i < iterations; ++i) {
#pragma GCC unroll 24
        for (int c = 0; c < chains; ++c) sum[c] = fma(sum[c], x, y);
    }
    V total = V::zero();
#pragma GCC unroll 24
    for (int c = 0; c < chains; ++c) total = total + sum[c];
    *sink = reduce_add(total);
    return 2.0 * double(V::lanes) * double(chains) * double(iterations);
}

}  // namespace
}  // namespace steepest
