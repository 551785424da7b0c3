// The functions of simd/math.hpp over arrays, one functor and one kernel each: Exp / exp_array and so on.
#pragma once

#include "kernels/table.hpp"
#include "simd/loop.hpp"
#include "simd/math.hpp"

namespace steepest {
namespace {

#define STEEPEST_FUNCTOR(name)                                                                 \
    template <class V>                                                                         \
    struct name##_of {                                                                         \
        STEEPEST_INLINE V operator()(V x) const { return name(x); }                            \
    };                                                                                         \
    template <class V>                                                                         \
    void name##_array(index_t n, const typename V::value_type* x, typename V::value_type* y) { \
        map<V>(1, n, x, n, y, n, name##_of<V>{});                                              \
    }
STEEPEST_MATH_FUNCTIONS(STEEPEST_FUNCTOR)
#undef STEEPEST_FUNCTOR

}  // namespace
}  // namespace steepest
