#pragma once

#include <pybind11/pybind11.h>

namespace heatpose {

// One function per op; module.cpp calls them all.
void bind_runtime(pybind11::module_& m);
void bind_associate(pybind11::module_& m);
void bind_average_flipped(pybind11::module_& m);
void bind_decode_hand_maps(pybind11::module_& m);
void bind_decode_heatmaps(pybind11::module_& m);
void bind_find_peaks(pybind11::module_& m);
void bind_gaussian_smooth(pybind11::module_& m);
void bind_grid_people(pybind11::module_& m);
void bind_peaks_from_cells(pybind11::module_& m);
void bind_prepare_image(pybind11::module_& m);
void bind_resize_average(pybind11::module_& m);
void bind_warp_crops(pybind11::module_& m);

}  // namespace heatpose
