// The dictionary of docs/architecture.md -> Program.
#pragma once

#include "bindings/pybind11.hpp"

#include "engine/program.hpp"

namespace steepest {

Program program_from(const py::dict& description);

}  // namespace steepest
