#pragma once

#include <pybind11/pybind11.h>

namespace heatpose {

// One function per op; module.cpp calls them all.
void bind_runtime(pybind11::module_& m);
void bind_find_peaks(pybind11::module_& m);

}  // namespace heatpose
