#pragma once

#include <cstdint>

#include "common/half.h"
#include "common/refine_rule.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

struct DecodeOptions {
  Refinement method = Refinement::kDark;
  int kernel = 11;  ///< odd; cells under the blur of the DARK methods
  QuarterBorder quarter_border = QuarterBorder::kJoint;
  float invalid = 0.0f;  ///< x and y where a map's maximum is not > 0
};

/// One keypoint place and score per map.
///   maps        [B, K, h, w]  of the given element type; NaN counts as minus infinity
///   transforms  float64 [B, 2, 3]  from cells to the photo, or null for cells
///   coords      float32 [B, K, 2]  (x, y)
///   scores      float32 [B, K]     the map's maximum; minus infinity where it holds no number
/// The place is the first maximum in row order, refined where the maximum is positive and finite.
void decode_heatmaps_cpu(const void* maps, CellType type, std::int64_t instances,
                         std::int64_t keypoints, int height, int width, const double* transforms,
                         const DecodeOptions& options, float* coords, float* scores);

/// The same on a CUDA device, in one launch.
void decode_heatmaps_cuda(const void* maps, CellType type, std::int64_t instances,
                          std::int64_t keypoints, int height, int width, const double* transforms,
                          const DecodeOptions& options, float* coords, float* scores,
                          const CudaCall& call);

}  // namespace heatpose
