// Philox: the scalar generator against the vectors published with Random123, and every instruction set's dropout against it.
#include <cstdint>
#include <vector>

#include "core/philox.hpp"
#include "scratch.hpp"

using namespace steepest;

namespace {

void check_vector(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1, PhiloxBlock expected) {
    const PhiloxBlock words = philox4x32(counter, key0, key1);
    for (int i = 0; i < 4; ++i) CHECK_EQ(words.word[i], expected.word[i]);
}

// The layout of kernels/dropout.hpp, one element at a time.
std::uint32_t word_of(index_t row, index_t col, const MaskKey& key) {
    const std::uint32_t group = std::uint32_t(col / 64), lane = std::uint32_t(col % 16);
    const PhiloxBlock counter{{16 * group + lane, std::uint32_t(row), key.operation, std::uint32_t(key.step)}};
    const std::uint32_t high = std::uint32_t(key.seed >> 32) ^ std::uint32_t(key.step >> 32);
    return philox4x32(counter, std::uint32_t(key.seed), high).word[col % 64 / 16];
}

template <class T>
void check_dropout() {
    const MaskKey key{0x0123456789abcdefull, 0xfedcba9876543210ull, 7};
    const index_t rows = 3, cols = 203, first = 1000;
    const std::uint32_t threshold = 0x40000000u;
    const std::vector<T> x(std::size_t(rows * cols), T(3));
    for (const Isa isa : testing::usable_isas()) {
        testing::set_context(testing::type_name<T>(), isa_name(isa));
        std::vector<T> y(x.size());
        const index_t words = (cols + 63) / 64;
        std::vector<std::uint64_t> bits(std::size_t(rows * words));
        kernels<T>(isa).dropout_mask(rows, cols, first, threshold, key, bits.data(), words);
        kernels<T>(isa).apply_mask(rows, cols, x.data(), cols, bits.data(), words, T(2), y.data(), cols);
        for (index_t r = 0; r < rows; ++r)
            for (index_t c = 0; c < cols; ++c)
                CHECK_EQ(y[std::size_t(r * cols + c)], word_of(first + r, c, key) >= threshold ? T(6) : T(0));
    }
}

}  // namespace

TEST(philox_gives_the_published_words) {
    check_vector({{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
    const std::uint32_t ones = 0xffffffffu;
    check_vector({{ones, ones, ones, ones}}, ones, ones, {{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
    check_vector({{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}}, 0xa4093822u, 0x299f31d0u,
                 {{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}});
}

TEST(random_words_are_those_of_their_blocks) {
    const MaskKey key{0x0123456789abcdefull, 0xfedcba9876543210ull, 7};
    const std::uint32_t first = 0xfffffff8u, row = 5;  // the block's number wraps around
    for (const Isa isa : testing::usable_isas()) {
        testing::set_context(isa_name(isa));
        std::uint32_t words[64];
        kernels<float>(isa).random_words(first, row, key, words);
        for (std::uint32_t lane = 0; lane < 16; ++lane) {
            const PhiloxBlock counter{{first + lane, row, key.operation, std::uint32_t(key.step)}};
            const PhiloxBlock block = philox4x32(counter, std::uint32_t(key.seed), 0x01234567u ^ 0xfedcba98u);
            for (std::uint32_t w = 0; w < 4; ++w) CHECK_EQ(words[16 * w + lane], block.word[w]);
        }
    }
}

TEST(dropout_draws_every_element_by_its_address) {
    check_dropout<float>();
    check_dropout<double>();
}
