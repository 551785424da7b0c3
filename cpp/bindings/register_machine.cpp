#include "bindings/pybind11.hpp"

#include <string>
#include <vector>

#include "bindings/register.hpp"
#include "core/cpu.hpp"
#include "core/team.hpp"
#include "kernels/table.hpp"

namespace steepest {

namespace {

std::vector<std::string> names_of(unsigned isas) {
    std::vector<std::string> names;
    for (int i = 0; i < int(Isa::count_); ++i)
        if (isas & (1u << i)) names.emplace_back(isa_name(Isa(i)));
    return names;
}

std::string compiler() {
#if defined(__clang__)
    return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
    return std::string("gcc ") + __VERSION__;
#elif defined(_MSC_VER)
    return "msvc " + std::to_string(_MSC_FULL_VER);
#else
    return "unknown";
#endif
}

py::dict build_info() {
    py::dict info;
    info["version"] = STEEPEST_VERSION;
    info["compiler"] = compiler();
    info["compiled_isas"] = names_of(compiled_isas());
    info["available_isas"] = names_of(available_isas());
    info["isa"] = isa_name(active_isa());
    info["cpu"] = cpu_name();
    info["l1d_bytes"] = cache_sizes().l1d;
    info["l2_bytes"] = cache_sizes().l2;
    info["l3_bytes"] = cache_sizes().l3;
    info["threads"] = available_threads();
    return info;
}

}  // namespace

void register_machine(py::module_& m) {
    m.def("isa", [] { return isa_name(active_isa()); }, "The instruction set in force.");
    m.def("available_isas", [] { return names_of(available_isas()); }, "Instruction sets this CPU can run.");
    m.def(
        "force_isa", [](const std::string& name) { force_isa(name.c_str()); }, py::arg("name"),
        "Put an instruction set in force for networks made from now on.");
    m.def("build_info", &build_info, "How the core was built, and what it uses.");
    m.def("max_threads", &available_threads, "Workers that OMP_NUM_THREADS, CPU affinity and cgroup quotas allow.");
}

}  // namespace steepest
