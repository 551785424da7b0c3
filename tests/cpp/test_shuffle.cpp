// Numbers for places that no test has the memory for: more than 2^31 rows. tests/test_shuffle.py has the rest.
#include <cstdint>
#include <cstdlib>

#include "ops/shuffle.hpp"
#include "test.hpp"

using namespace steepest;

namespace {

// Draws of many epochs at one place, counted by third and by remainder; `draws` is a multiple of 3.
struct Counts {
    int third[3] = {0, 0, 0};
    int remainder[3] = {0, 0, 0};
};

Counts draw(std::uint64_t place, int draws) {
    Counts counts;
    for (int epoch = 0; epoch < draws; ++epoch) {
        const std::uint64_t number = shuffle_number({11, std::uint64_t(epoch)}, place);
        CHECK(number <= place);
        counts.third[number / (place / 3 + 1)] += 1;
        counts.remainder[number % 3] += 1;
    }
    return counts;
}

}  // namespace

// The counts of n draws with probability 1/3 have a deviation of sqrt(2 n) / 3: 82 of 30,000. Five of them leave a chance below 1e-6.
TEST(shuffle_numbers_of_far_places_are_uniform) {
    const int draws = 30000, bound = 408;
    const std::uint64_t one = 1;
    // Places p = 3 k - 1. At 3 2^30 - 1 a word in four is refused, and without that numbers divisible by three would come twice as often as
    // others. The last word's reach ends at 2^32 - 1, where p is 3 k.
    for (const std::uint64_t place : {3 * (one << 30) - 1, 3 * (one << 40) - 1, 3 * (one << 61) - 1}) {
        testing::set_context("place", place);
        const Counts counts = draw(place, draws);
        for (int i = 0; i < 3; ++i) {
            CHECK(std::abs(counts.third[i] - draws / 3) < bound);
            CHECK(std::abs(counts.remainder[i] - draws / 3) < bound);
        }
    }
}

TEST(shuffle_numbers_at_the_end_of_a_words_reach) {
    // Beyond 2^32 - 1 the high halves count; up to it a number is the word itself.
    bool high = false;
    for (int epoch = 0; epoch < 64; ++epoch) {
        const ShuffleKey key{3, std::uint64_t(epoch)};
        const std::uint64_t reach = std::uint64_t(1) << 32;
        CHECK(shuffle_number(key, reach - 1) < reach);
        CHECK(shuffle_number(key, reach) <= reach);
        high = high || shuffle_number(key, 2 * reach - 1) >= reach;
    }
    CHECK(high);
}
