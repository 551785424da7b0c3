// The one door to pybind11: every file of this room includes it, first. Python.h must come before the standard headers, and casters
// (STL, NumPy) must be the same in every translation unit or the one-definition rule is broken silently.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;
