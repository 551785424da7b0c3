// The order of an epoch's rows: a permutation drawn by address, a function of (seed, epoch) and the rows alone.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace steepest {

// What the numbers of one permutation have in common.
struct ShuffleKey {
    std::uint64_t seed;
    std::uint64_t epoch;
};

// A number in [0, place], each as likely as the others.
std::uint64_t shuffle_number(const ShuffleKey& key, std::uint64_t place);

// out (count) = rows (count; null: 0, 1, ... count - 1) in one of the count! orders, each as likely as the others. Apart from each other.
void shuffle(const std::int64_t* rows, index_t count, const ShuffleKey& key, std::int64_t* out);

}  // namespace steepest
