#pragma once

#include <cstdint>
#include <vector>

#include "heatpose/peaks_from_cells.h"
#include "heatpose/scale_maps.h"

namespace heatpose {

/// The place of each of P keypoints on a hand's crop: where the smoothed average is above
/// `threshold`, the 8-connected component with the largest sum of the average that is not smoothed
/// (of equal ones the first), and in it the largest value (of equal ones the first in raster
/// order).
///   coords  float32 [P, 2]  (x, y) in pixels; NaN where no pixel is above the threshold
///   scores  float32 [P]     the average there; 0 where missing
void decode_hand_maps_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes,
                          const SmoothOptions& smooth, float threshold, float* coords,
                          float* scores);

}  // namespace heatpose
