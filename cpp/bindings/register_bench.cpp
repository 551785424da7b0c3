#include "bindings/pybind11.hpp"

#include "bindings/register.hpp"
#include "core/check.hpp"
#include "engine/measure.hpp"

namespace steepest {

namespace {

void check_measurement(double seconds, int threads) {
    require(seconds > 0.0 && seconds <= 60.0, "seconds: ", seconds, " is outside (0, 60]");
    require(threads >= 1 && threads <= 4096, "threads: ", threads, " is outside [1, 4096]");
}

double fma_peak(const std::string& dtype, double seconds, int threads) {
    check_measurement(seconds, threads);
    require(dtype == "float32" || dtype == "float64", "dtype: '", dtype, "' is unknown; accepted: float32, float64");
    const py::gil_scoped_release release;
    return dtype == "float32" ? measure_fma_peak<float>(seconds, threads) : measure_fma_peak<double>(seconds, threads);
}

double bandwidth(index_t bytes, double seconds, int threads) {
    check_measurement(seconds, threads);
    require(bytes >= 1024, "bytes: ", bytes, " is below 1024");
    const py::gil_scoped_release release;
    return measure_bandwidth(bytes, seconds, threads);
}

}  // namespace

void register_bench(py::module_& m) {
    m.def("fma_peak", &fma_peak, py::arg("dtype"), py::arg("seconds"), py::arg("threads"),
          "Measure FLOP/s of fused multiply-adds on registers alone, with the instruction set in force.");
    m.def("bandwidth", &bandwidth, py::arg("bytes"), py::arg("seconds"), py::arg("threads"),
          "Measure bytes/s of x += y over a working set of so many bytes, all workers together.");
}

}  // namespace steepest
