#pragma once

#include <cstdint>

#include "heatpose/warp_crops.h"

// warp_crop_row: row y of a crop, one plane row per channel of the photo.
//   `matrix` [2, 3] has entries of at most 1e200, so that no coordinate overflows.
#define HEATPOSE_KERNELS_WARP_CROPS(X)                                              \
  X(warp_crop_row, void,                                                            \
    (const std::uint8_t* image, int height, int width, const double* matrix, int y, \
     int crop_width, const WarpOptions& options, float* const* planes))
