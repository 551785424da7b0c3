// Whether NumPy arrays share memory: an output the engine writes while it reads another array would change what is read.
#pragma once

#include "bindings/pybind11.hpp"

#include <cstdint>

#include "core/check.hpp"
#include "core/types.hpp"

namespace steepest {

// The bytes from `begin` to before `end`.
struct Extent {
    std::intptr_t begin = 0;
    std::intptr_t end = 0;
};

template <class T>
Extent extent(const T* data, index_t count) {
    const auto begin = reinterpret_cast<std::intptr_t>(data);
    return {begin, begin + count * index_t(sizeof(T))};
}

// Whatever the array's strides, negative ones included; what lies in the gaps counts too.
inline Extent extent(const py::array& array) {
    Extent reach{reinterpret_cast<std::intptr_t>(array.data()), reinterpret_cast<std::intptr_t>(array.data())};
    if (array.size() == 0) return reach;
    for (index_t i = 0; i < array.ndim(); ++i) {
        const index_t last = (array.shape(i) - 1) * array.strides(i);
        (last < 0 ? reach.begin : reach.end) += last;
    }
    reach.end += array.itemsize();
    return reach;
}

inline void require_apart(const Extent& out, const char* name, const Extent& other, const char* other_name) {
    require(out.end <= other.begin || other.end <= out.begin, name, ": shares memory with ", other_name,
            "; pass a copy");
}

}  // namespace steepest
