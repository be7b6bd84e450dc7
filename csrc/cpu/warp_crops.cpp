#include "heatpose/warp_crops.h"

#include <algorithm>

#include "common/warp_rule.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

constexpr int kRowsPerBlock = 32;

}  // namespace

void warp_crops_cpu(const std::uint8_t* image, int height, int width, const double* matrices,
                    std::int64_t crops, int crop_height, int crop_width, const WarpOptions& options,
                    const PixelPlanes& out) {
  const Kernels& kernel = kernels();
  const std::int64_t plane_size = static_cast<std::int64_t>(crop_height) * crop_width;
  parallel_for(crops * crop_height, kRowsPerBlock, [&](std::int64_t begin, std::int64_t end) {
    ScratchFrame scratch;
    float* rounded = out.f16 ? scratch.take<float>(3 * std::int64_t{crop_width}) : nullptr;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t crop = row / crop_height;
      const int y = static_cast<int>(row % crop_height);
      double matrix[6];
      for (int i = 0; i < 6; ++i)
        matrix[i] = std::clamp(matrices[6 * crop + i], -kFarAway, kFarAway);

      std::int64_t at[3];
      float* planes[3];
      for (int c = 0; c < 3; ++c) {
        const int plane = options.swap_rgb ? 2 - c : c;
        at[c] = (3 * crop + plane) * plane_size + static_cast<std::int64_t>(y) * crop_width;
        planes[c] = out.f16 ? rounded + c * std::int64_t{crop_width} : out.f32 + at[c];
      }
      kernel.warp_crop_row(image, height, width, matrix, y, crop_width, options, planes);
      if (!out.f16) continue;
      for (int c = 0; c < 3; ++c) {
        kernel.floats_to_halves(planes[c], crop_width, out.f16 + at[c]);
      }
    }
  });
}

}  // namespace heatpose
