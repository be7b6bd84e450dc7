#pragma once

#include <cstdint>

#include "heatpose/cuda_call.h"
#include "heatpose/pixel_planes.h"

namespace heatpose {

struct PrepareOptions {
  /// Photo pixels per content pixel: pixel x of the content is sampled at (x + 0.5) * step - 0.5.
  /// Not derived from the sizes, because a resize by a factor samples at 1 / factor although the
  /// size was rounded. Unused when the content has the photo's size: then pixels are copied.
  double step_y = 1.0, step_x = 1.0;
  float norm_scale = 1.0f / 256, norm_offset = -0.5f;  ///< grey * norm_scale + norm_offset
  int pad_value = 128;    ///< grey level right of and below the content
  bool swap_rgb = false;  ///< first plane = last channel
};

/// Photo to network input: cubic resize (OpenCV's kernel, a = -0.75, clamped border), rounded to
/// whole grey levels (half to even), padded right and down, normalised, channels first.
///   image   uint8 [H, W, 3]          contiguous, H and W at least 1
///   out     float [3, out_h, out_w]  content in the top-left corner, 1 <= content <= out
void prepare_image_cpu(const std::uint8_t* image, int height, int width, int content_height,
                       int content_width, const PrepareOptions& options, int out_height,
                       int out_width, const PixelPlanes& out);

/// The same on a CUDA device.
void prepare_image_cuda(const std::uint8_t* image, int height, int width, int content_height,
                        int content_width, const PrepareOptions& options, int out_height,
                        int out_width, const PixelPlanes& out, const CudaCall& call);

}  // namespace heatpose
