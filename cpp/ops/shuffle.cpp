// Fisher and Yates's shuffle from the front (Durstenfeld 1964; Knuth, "The Art of Computer Programming", section 3.4.2): every place in turn
// takes its row and exchanges it with the one at a place drawn from those so far, itself included.
//
// The numbers are drawn by address as those of dropout are (kernels/dropout.hpp): place 64 g + 16 w + lane owns word w of the Philox block with
//     counter = {low and high half of 16 g + lane, 2^32 - 1 - attempt, low half of epoch},
//     key = {low half of seed, high half of seed ^ high half of epoch};
// the streams of dropout count up from 0, so the two share no block. An attempt whose word would favour some numbers is followed by the next.
#include "ops/shuffle.hpp"

#include <algorithm>
#include <utility>

#include "core/inline.hpp"
#include "core/philox.hpp"
#include "kernels/table.hpp"

namespace steepest {

namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr int kGroup = 64;
constexpr u64 kWords = u64(1) << 32;  // values of a word

u64 word_of(const ShuffleKey& key, u64 place, u32 attempt) {
    const u64 block = 16 * (place / 64) + place % 16;
    const u32 high = u32(key.seed >> 32) ^ u32(key.epoch >> 32);
    return philox4x32({{u32(block), u32(block >> 32), ~attempt, u32(key.epoch)}}, u32(key.seed), high)
        .word[place % 64 / 16];
}

}  // namespace

u64 shuffle_number(const ShuffleKey& key, u64 place) {
    if (place >= kWords) {
        // Beyond the reach of a word: as many bits of two as the place has, until they are not beyond it.
        u64 mask = place;
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        for (u32 attempt = 0;; attempt += 2) {
            const u64 number = (word_of(key, place, attempt) << 32 | word_of(key, place, attempt + 1)) & mask;
            if (number <= place) return number;
        }
    }
    // Lemire 2019, "Fast random integer generation in an interval": word * count / 2^32 hits every number as often once the products whose
    // low half is below 2^32 mod count are refused.
    const u64 count = place + 1, refused = kWords % count;
    for (u32 attempt = 0;; ++attempt) {
        const u64 product = word_of(key, place, attempt) * count;
        if (u32(product) >= refused) return product >> 32;
    }
}

void shuffle(const std::int64_t* rows, index_t count, const ShuffleKey& key, std::int64_t* out) {
    const auto& kernels = active_kernels<float>();
    u32 words[kGroup];  // of the first attempt
    u64 numbers[kGroup];
    for (index_t first = 0; first < count; first += kGroup) {
        const int here = int(std::min<index_t>(kGroup, count - first));
        const u64 block = u64(first) / 4;
        kernels.random_words(u32(block), u32(block >> 32), MaskKey{key.seed, key.epoch, ~u32(0)}, words);
        // All numbers before the first exchange, so that a large array's lines are on their way together.
        for (int i = 0; i < here; ++i) {
            const u64 place = u64(first + i), product = words[i] * (place + 1);
            // The remainder of the division is below the divisor: few products need it.
            numbers[i] = place < kWords && u32(product) > place ? product >> 32 : shuffle_number(key, place);
            STEEPEST_PREFETCH(out + numbers[i]);
        }
        for (int i = 0; i < here; ++i) {
            const index_t place = first + i;
            out[place] = rows == nullptr ? place : rows[place];
            std::swap(out[place], out[numbers[i]]);
        }
    }
}

}  // namespace steepest
