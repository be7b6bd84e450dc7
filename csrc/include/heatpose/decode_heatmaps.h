#pragma once

#include <cstdint>

#include "common/border_rule.h"
#include "common/half.h"
#include "common/refine_rule.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

constexpr int kMostGivenTaps = 65;

struct DecodeOptions {
  Refinement method = Refinement::kDark;
  int kernel = 11;  ///< odd; cells under the blur of the DARK methods
  /// The blur's weights from its centre outwards, kernel / 2 + 1 of them on the host, for a kernel
  /// of at most kMostGivenTaps cells; not negative, and the whole kernel sums to one. Null for the
  /// Gaussian that belongs to `kernel`.
  const double* half_taps = nullptr;
  Border border = Border::kConstant;  ///< what the blur reads outside a map
  bool rescale = true;  ///< the blurred map to the map's maximum; only with a constant border
  QuarterBorder quarter_border = QuarterBorder::kJoint;
  float invalid = 0.0f;  ///< x and y where a map's maximum is not > 0
};

/// One keypoint place and score per map.
///   maps        [B, K, h, w]  of the given element type; NaN counts as minus infinity
///   places      float32 [B, K, 2]  cells to refine in place of the maxima, or null
///   transforms  float64 [B, 2, 3]  from cells to the photo, or null for cells
///   coords      float32 [B, K, 2]  (x, y)
///   scores      float32 [B, K]     the map's maximum; minus infinity where it holds no number
/// The place is the first maximum in row order, refined where the maximum is positive and finite.
/// A given place is refined wherever it lies in the map, and stays as it is elsewhere.
void decode_heatmaps_cpu(const void* maps, CellType type, std::int64_t instances,
                         std::int64_t keypoints, int height, int width, const float* places,
                         const double* transforms, const DecodeOptions& options, float* coords,
                         float* scores);

/// The same on a CUDA device, in one launch.
void decode_heatmaps_cuda(const void* maps, CellType type, std::int64_t instances,
                          std::int64_t keypoints, int height, int width, const float* places,
                          const double* transforms, const DecodeOptions& options, float* coords,
                          float* scores, const CudaCall& call);

}  // namespace heatpose
