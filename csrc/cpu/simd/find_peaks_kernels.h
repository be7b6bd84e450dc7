#pragma once

#include <cstdint>

#include "common/peak_rule.h"

// find_peaks_row: x of the peaks in one row, into `xs` (room for `width`); returns how many.
// find_high_row: the same of the pixels that are high enough for a peak.
//   `above` and `below` are the neighbouring rows (rows of zeros outside the map).
#define HEATPOSE_KERNELS_FIND_PEAKS(X)                                                     \
  X(find_peaks_row, int,                                                                   \
    (const float* above, const float* row, const float* below, int width, float threshold, \
     int connectivity, Ties ties, bool inclusive, std::int32_t* xs))                       \
  X(find_high_row, int,                                                                    \
    (const float* row, int width, float threshold, bool inclusive, std::int32_t* xs))
