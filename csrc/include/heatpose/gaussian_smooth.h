#pragma once

#include <cstdint>

#include "common/axis_operator.h"
#include "common/half.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

/// The taps of a symmetric filter: [radius + 1], the centre first.
struct SmoothTaps {
  const double* half = nullptr;
  int radius = 0;
};

/// Each plane convolved with the taps along both axes.
///   maps  float32 [P, H, W]
///   out   float32 [P, H, W]  does not overlap `maps`
void gaussian_smooth_cpu(const float* maps, std::int64_t planes, int height, int width,
                         const SmoothTaps& taps, Border border, float* out);

/// The same on a CUDA device; maps of one of the cell types. `taps` lie on the host.
void gaussian_smooth_cuda(const void* maps, CellType type, std::int64_t planes, int height,
                          int width, const SmoothTaps& taps, Border border, float* out,
                          const CudaCall& call);

}  // namespace heatpose
