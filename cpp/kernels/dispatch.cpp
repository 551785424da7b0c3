// Which kernel table is in force. Compiled for the baseline; the only caller of the instruction-set units.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/cpu.hpp"
#include "kernels/isa_units.hpp"
#include "kernels/table.hpp"

namespace steepest {
namespace {

constexpr unsigned bit(Isa isa) { return 1u << int(isa); }

std::string names(unsigned set) {
    std::string text;
    for (int i = 0; i < int(Isa::count_); ++i) {
        if (set & (1u << i)) text += (text.empty() ? "" : ", ") + std::string(isa_name(Isa(i)));
    }
    return text;
}

// `source` says where the name comes from, for the message.
Isa checked_isa(const char* name, const char* source) {
    for (int i = 0; i < int(Isa::count_); ++i) {
        if (std::strcmp(name, isa_name(Isa(i))) != 0) continue;
        if (available_isas() & (1u << i)) return Isa(i);
        const char* why = compiled_isas() & (1u << i) ? "this CPU or operating system does not support it"
                                                      : "it is not part of this build";
        throw std::invalid_argument(std::string(source) + "='" + name + "': " + why +
                                    "; available here: " + names(available_isas()));
    }
    throw std::invalid_argument(std::string(source) + "='" + name +
                                "' is not an instruction set; available here: " + names(available_isas()));
}

Isa initial_isa() {
    const char* name = std::getenv("STEEPEST_ISA");
    if (name == nullptr || *name == '\0') return select_isa(available_isas());
    return checked_isa(name, "STEEPEST_ISA");
}

// -1: not decided yet. Decided lazily, so that a bad STEEPEST_ISA is an exception to the caller and not a crash of the loader.
std::atomic<int> active{-1};

template <class T>
KernelTable<T> make_table([[maybe_unused]] Isa isa) {
    KernelTable<T> table{};
    scalar::fill_table(table);
#ifdef STEEPEST_HAVE_AVX2
    if (isa == Isa::avx2) avx2::fill_table(table);
#endif
#ifdef STEEPEST_HAVE_AVX512
    if (isa == Isa::avx512) avx512::fill_table(table);
#endif
#ifdef STEEPEST_HAVE_NEON
    if (isa == Isa::neon) neon::fill_table(table);
#endif
    return table;
}

template <class T, Isa isa>
const KernelTable<T>& table_of() {
    static const KernelTable<T> table = make_table<T>(isa);
    return table;
}

}  // namespace

ActivationNeeds activation_needs(Activation kind) {
    switch (kind) {
#define STEEPEST_CASE(name, functor, needs) \
    case Activation::name: return ActivationNeeds::needs;
        STEEPEST_ACTIVATIONS(STEEPEST_CASE)
#undef STEEPEST_CASE
        default: return ActivationNeeds::nothing;
    }
}

const char* activation_name(Activation kind) {
    switch (kind) {
#define STEEPEST_CASE(name, functor, needs) \
    case Activation::name: return #name;
        STEEPEST_ACTIVATIONS(STEEPEST_CASE)
#undef STEEPEST_CASE
        default: return "unknown";
    }
}

const char* isa_name(Isa isa) {
    switch (isa) {
        case Isa::scalar: return "scalar";
        case Isa::avx2: return "avx2";
        case Isa::avx512: return "avx512";
        case Isa::neon: return "neon";
        default: return "unknown";
    }
}

Isa select_isa(unsigned available) {
    if (available & bit(Isa::avx512)) return Isa::avx512;
    if (available & bit(Isa::avx2)) return Isa::avx2;
    if (available & bit(Isa::neon)) return Isa::neon;
    return Isa::scalar;
}

unsigned compiled_isas() {
    unsigned set = bit(Isa::scalar);
#ifdef STEEPEST_HAVE_AVX2
    set |= bit(Isa::avx2);
#endif
#ifdef STEEPEST_HAVE_AVX512
    set |= bit(Isa::avx512);
#endif
#ifdef STEEPEST_HAVE_NEON
    set |= bit(Isa::neon);
#endif
    return set;
}

unsigned available_isas() {
    unsigned supported = bit(Isa::scalar);
    if (cpu_features().avx2) supported |= bit(Isa::avx2);
    if (cpu_features().avx512) supported |= bit(Isa::avx512);
    if (cpu_features().neon) supported |= bit(Isa::neon);
    return compiled_isas() & supported;
}

Isa active_isa() {
    int isa = active.load(std::memory_order_acquire);
    if (isa < 0) {
        const Isa decided = initial_isa();
        // Two threads may decide at once, but they decide the same; a force_isa() in between wins.
        if (active.compare_exchange_strong(isa, int(decided))) isa = int(decided);
    }
    return Isa(isa);
}

void force_isa(const char* name) { active.store(int(checked_isa(name, "isa")), std::memory_order_release); }

template <class T>
const KernelTable<T>& kernels(Isa isa) {
    if (!(available_isas() & bit(isa))) return kernels<T>(checked_isa(isa_name(isa), "isa"));
    switch (isa) {
        case Isa::avx512: return table_of<T, Isa::avx512>();
        case Isa::avx2: return table_of<T, Isa::avx2>();
#ifdef STEEPEST_HAVE_NEON
        case Isa::neon: return table_of<T, Isa::neon>();
#endif
        default: return table_of<T, Isa::scalar>();
    }
}

template <class T>
const KernelTable<T>& active_kernels() {
    return kernels<T>(active_isa());
}

template const KernelTable<float>& kernels<float>(Isa);
template const KernelTable<double>& kernels<double>(Isa);
template const KernelTable<float>& active_kernels<float>();
template const KernelTable<double>& active_kernels<double>();

}  // namespace steepest
