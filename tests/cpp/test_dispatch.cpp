#include <cstdlib>
#include <stdexcept>

#include "scratch.hpp"

using namespace steepest;

TEST(selection_is_pure_and_takes_the_best) {
    const unsigned scalar = 1u << int(Isa::scalar);
    const unsigned avx2 = 1u << int(Isa::avx2);
    const unsigned avx512 = 1u << int(Isa::avx512);
    const unsigned neon = 1u << int(Isa::neon);
    CHECK(select_isa(scalar) == Isa::scalar);
    CHECK(select_isa(scalar | avx2) == Isa::avx2);
    CHECK(select_isa(scalar | avx2 | avx512) == Isa::avx512);
    CHECK(select_isa(scalar | avx512) == Isa::avx512);
    CHECK(select_isa(scalar | neon) == Isa::neon);
}

TEST(scalar_is_always_there_and_nothing_uncompiled_is_offered) {
    CHECK((available_isas() & (1u << int(Isa::scalar))) != 0);
    CHECK_EQ(available_isas() & ~compiled_isas(), 0u);
#if defined(__aarch64__)  // a part of every such processor: it must not go missing in silence
    CHECK((available_isas() & (1u << int(Isa::neon))) != 0);
#endif
}

TEST(forcing_takes_effect_and_bad_names_throw) {
    const Isa before = active_isa();
    for (const Isa isa : testing::usable_isas()) {
        force_isa(isa_name(isa));
        CHECK(active_isa() == isa);
        CHECK_EQ(std::string(active_kernels<float>().isa), std::string(isa_name(isa)));
        CHECK_EQ(std::string(active_kernels<double>().isa), std::string(isa_name(isa)));
    }
    const Isa forced = active_isa();
    CHECK_THROWS(force_isa("sse9"), std::invalid_argument);
    CHECK_THROWS(force_isa(""), std::invalid_argument);
    CHECK(active_isa() == forced);
    force_isa(isa_name(before));
}
