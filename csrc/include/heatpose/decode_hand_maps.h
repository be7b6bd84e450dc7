#pragma once

#include <cstdint>
#include <vector>

#include "common/scale_maps.h"
#include "common/scale_tables.h"
#include "heatpose/cuda_call.h"
#include "heatpose/peaks_from_cells.h"

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

/// The same on a CUDA device: arrays of the device, maps of one of the cell types with any strides,
/// and `tables`, what write_tables() made of decode_hand_maps_tables(), brought there by the
/// caller. What each tile of 14x14 pixels adds to a component is summed in fixed point, rounded to
/// 2^-42 or less of the largest such part (canvases of a few megapixels): of components whose sums
/// differ by no more than that, either may win. Equal sums of values that fixed point holds are
/// equal. The canvas has fewer than 2^31 pixels.
inline std::vector<TableSet> decode_hand_maps_tables(const SmoothOptions& smooth) {
  // The smoothed average, and the average.
  return {{smooth.taps, smooth.border, true}, {{}, Border::kReflect, true}};
}
void decode_hand_maps_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* tables,
                           std::int64_t planes, const SmoothOptions& smooth, float threshold,
                           float* coords, float* scores, const CudaCall& call);

}  // namespace heatpose
