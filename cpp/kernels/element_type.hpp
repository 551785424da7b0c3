// From the type of a data set's elements, known at run time, to a C++ type.
#pragma once

#include <cstdint>

#include "core/inline.hpp"
#include "kernels/table.hpp"

namespace steepest {
namespace {

// Calls run() with a zero of the type; a source that is not one of them is left alone. Forced inline: every instruction set has its own.
template <class Run>
STEEPEST_INLINE void with_element_type(Source type, const Run& run) {
    switch (type) {
        case Source::f32: return run(float(0));
        case Source::f64: return run(double(0));
        case Source::u8: return run(std::uint8_t(0));
        case Source::i8: return run(std::int8_t(0));
        case Source::i16: return run(std::int16_t(0));
        case Source::i32: return run(std::int32_t(0));
        case Source::i64: return run(std::int64_t(0));
        case Source::u16: return run(std::uint16_t(0));
        case Source::u32: return run(std::uint32_t(0));
        case Source::u64: return run(std::uint64_t(0));
        case Source::boolean: return run(std::uint8_t(0));  // NumPy's bool is a byte of 0 or 1
        default: return;
    }
}

}  // namespace
}  // namespace steepest
