#pragma once

#include <cstdint>

#include "common/half.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

/// Maps of crops and of their mirror images, all of one element type.
///   maps, mirrored, out  [B, K, h, w]
///   flip                 int32 [K], on the host: keypoint k of a mirrored crop is flip[k] of the
///                        crop, and the other way round
struct FlippedMaps {
  const void* maps = nullptr;
  const void* mirrored = nullptr;  ///< does not overlap `out`
  void* out = nullptr;             ///< may be `maps`
  CellType type = CellType::kFloat32;
  std::int64_t instances = 0;
  const std::int32_t* flip = nullptr;
  int keypoints = 0, height = 0, width = 0;
  bool shift = false;  ///< the mirrored maps move one cell to the right, once turned back
};

/// out[b, k, y, x] = the mean of maps[b, k, y, x] and of mirrored[b, flip[k], y, column], see
/// common/flip_rule.h; computed in float32 and rounded once.
void average_flipped_cpu(const FlippedMaps& job);

/// The same on a CUDA device, in one launch for up to 512 keypoints.
void average_flipped_cuda(const FlippedMaps& job, const CudaCall& call);

}  // namespace heatpose
