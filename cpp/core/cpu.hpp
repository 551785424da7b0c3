// What this CPU and operating system can do. The machine is asked here and nowhere else.
#pragma once

#include <string>

#include "core/types.hpp"

namespace steepest {

struct CpuFeatures {
    bool avx2 = false;    // AVX2 and FMA, and the operating system saves the ymm registers
    bool avx512 = false;  // AVX-512 F, DQ, BW and VL, and the operating system saves the zmm and mask registers
    bool neon = false;    // 64-bit ARM, of which it is a part
};

// Data caches in bytes as one core sees them; 0 where unknown.
struct CacheSizes {
    index_t l1d = 0;
    index_t l2 = 0;
    index_t l3 = 0;
};

// Both are asked once and remembered.
const CpuFeatures& cpu_features();
const CacheSizes& cache_sizes();
// The processor's own name for itself, or "unknown".
std::string cpu_name();

}  // namespace steepest
