#pragma once

#include <cstdint>

#include "heatpose/cuda_call.h"
#include "heatpose/pixel_planes.h"

namespace heatpose {

/// Per channel, in the order of the photo: level * gain + offset.
struct WarpOptions {
  float gain[3] = {1.0f / 255, 1.0f / 255, 1.0f / 255};
  float offset[3] = {0, 0, 0};
  float border[3] = {0, 0, 0};  ///< grey levels outside the photo
  bool swap_rgb = false;        ///< first plane = last channel
};

/// N crops of a photo: bilinear, with a constant border blended in tap by tap, normalised, channels
/// first.
///   image     uint8 [H, W, 3]            contiguous, H and W at least 1
///   matrices  float64 [N, 2, 3]          photo (x, y) of crop pixel (x, y, 1); finite
///   out       float [N, 3, crop_h, crop_w]
void warp_crops_cpu(const std::uint8_t* image, int height, int width, const double* matrices,
                    std::int64_t crops, int crop_height, int crop_width, const WarpOptions& options,
                    const PixelPlanes& out);

/// The same on a CUDA device. Where a matrix is not finite, the crop is border.
void warp_crops_cuda(const std::uint8_t* image, int height, int width, const double* matrices,
                     std::int64_t crops, int crop_height, int crop_width,
                     const WarpOptions& options, const PixelPlanes& out, const CudaCall& call);

}  // namespace heatpose
