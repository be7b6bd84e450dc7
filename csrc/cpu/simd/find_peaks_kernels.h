#pragma once

#include <cstdint>

#include "common/peak_rule.h"

// find_peaks_row: x of the peaks in one row, into `xs` (room for `width`); returns how many.
//   `above` and `below` are the neighbouring rows (rows of zeros outside the map).
#define HEATPOSE_KERNELS_FIND_PEAKS(X)                                                     \
  X(find_peaks_row, int,                                                                   \
    (const float* above, const float* row, const float* below, int width, float threshold, \
     int connectivity, Ties ties, std::int32_t* xs))
