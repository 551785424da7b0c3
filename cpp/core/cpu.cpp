#include "core/cpu.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) || defined(_M_X64)
#define STEEPEST_X86 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__linux__)
#include <unistd.h>
#endif

namespace steepest {
namespace {

#ifdef STEEPEST_X86

struct Registers {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    Registers r;
#if defined(_MSC_VER)
    int words[4];
    __cpuidex(words, int(leaf), int(subleaf));
    r = {std::uint32_t(words[0]), std::uint32_t(words[1]), std::uint32_t(words[2]), std::uint32_t(words[3])};
#else
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#endif
    return r;
}

// Register sets the operating system saves on a context switch: bit 1 xmm, bit 2 ymm, bits 5-7 mask registers and zmm.
std::uint64_t xgetbv0() {
#if defined(_MSC_VER)
    return _xgetbv(0);
#else
    std::uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t(high) << 32) | low;
#endif
}

constexpr bool bit(std::uint32_t word, int n) { return (word >> n) & 1u; }

CpuFeatures detect_features() {
    CpuFeatures f;
    if (cpuid(0).eax < 7) return f;
    const Registers leaf1 = cpuid(1), leaf7 = cpuid(7);
    const bool osxsave = bit(leaf1.ecx, 27), avx = bit(leaf1.ecx, 28), fma = bit(leaf1.ecx, 12);
    if (!osxsave || !avx) return f;
    const std::uint64_t saved = xgetbv0();
    const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6;
    f.avx2 = ymm && fma && bit(leaf7.ebx, 5);
    f.avx512 = zmm && f.avx2 && bit(leaf7.ebx, 16) && bit(leaf7.ebx, 17) && bit(leaf7.ebx, 30) && bit(leaf7.ebx, 31);
    return f;
}

// Deterministic cache parameters: leaf 4 (Intel) and 0x8000001d (AMD) share one layout.
CacheSizes read_cache_leaf(std::uint32_t leaf) {
    CacheSizes sizes;
    for (std::uint32_t i = 0; i < 16; ++i) {
        const Registers r = cpuid(leaf, i);
        const int type = int(r.eax & 31);  // 0: no more caches, 1: data, 2: instructions, 3: both
        if (type == 0) break;
        if (type == 2) continue;
        const index_t ways = index_t(r.ebx >> 22) + 1, partitions = index_t((r.ebx >> 12) & 0x3ff) + 1;
        const index_t line = index_t(r.ebx & 0xfff) + 1, sets = index_t(r.ecx) + 1;
        const index_t bytes = ways * partitions * line * sets;
        switch ((r.eax >> 5) & 7) {
            case 1: sizes.l1d = bytes; break;
            case 2: sizes.l2 = bytes; break;
            case 3: sizes.l3 = bytes; break;
            default: break;
        }
    }
    return sizes;
}

CacheSizes detect_caches() {
    CacheSizes sizes;
    if (cpuid(0).eax >= 4) sizes = read_cache_leaf(4);
    if (sizes.l1d == 0 && cpuid(0x80000000u).eax >= 0x8000001du) sizes = read_cache_leaf(0x8000001du);
    return sizes;
}

std::string detect_name() {
    if (cpuid(0x80000000u).eax < 0x80000004u) return "unknown";
    std::array<char, 49> text{};
    for (std::uint32_t i = 0; i < 3; ++i) {
        const Registers r = cpuid(0x80000002u + i);
        std::memcpy(text.data() + 16 * i, &r, 16);
    }
    const std::string name(text.data());
    const auto begin = name.find_first_not_of(' '), end = name.find_last_not_of(' ');
    return begin == std::string::npos ? "unknown" : name.substr(begin, end - begin + 1);
}

#else  // not x86: no vector unit of ours that may be missing

CpuFeatures detect_features() {
    CpuFeatures f;
#if defined(__aarch64__)
    f.neon = true;
#endif
    return f;
}

#if defined(__APPLE__)
index_t sysctl_bytes(const char* key) {
    std::int64_t value = 0;
    std::size_t size = sizeof(value);
    return sysctlbyname(key, &value, &size, nullptr, 0) == 0 ? index_t(value) : 0;
}
CacheSizes detect_caches() {
    return {sysctl_bytes("hw.l1dcachesize"), sysctl_bytes("hw.l2cachesize"), sysctl_bytes("hw.l3cachesize")};
}
#elif defined(__linux__) && defined(_SC_LEVEL1_DCACHE_SIZE)
index_t known(long bytes) { return bytes > 0 ? index_t(bytes) : 0; }
CacheSizes detect_caches() {
    return {known(sysconf(_SC_LEVEL1_DCACHE_SIZE)), known(sysconf(_SC_LEVEL2_CACHE_SIZE)),
            known(sysconf(_SC_LEVEL3_CACHE_SIZE))};
}
#else
CacheSizes detect_caches() { return {}; }
#endif

std::string detect_name() { return "unknown"; }

#endif

}  // namespace

const CpuFeatures& cpu_features() {
    static const CpuFeatures features = detect_features();
    return features;
}

const CacheSizes& cache_sizes() {
    static const CacheSizes sizes = detect_caches();
    return sizes;
}

std::string cpu_name() { return detect_name(); }

}  // namespace steepest
