// A warp makes one row of a crop, 32 neighbouring pixels at a time, one a lane. Neighbouring lanes
// then read neighbouring bytes of the photo, twelve a pixel, and that is most of the work: lanes
// with several pixels each would write wider words, but read from as many more lines of the cache.

#include "heatpose/warp_crops.h"

#include "common/half.h"
#include "common/warp_rule.h"
#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {
namespace {

constexpr int kRows = 8;  // of a block, a warp each

struct WarpWork {
  const std::uint8_t* image;
  const double* matrices;
  PixelPlanes out;
  WarpOptions options;
  int height, width, crop_height, crop_width;
  int bands;  // blocks of a crop
};

/// `at`: where the photo's first channel goes; `plane`: how far from there the next one.
HEATPOSE_DEVICE void write_pixel(const WarpWork& work, std::int64_t at, std::int64_t plane,
                                 const float* levels) {
  HEATPOSE_UNROLL
  for (int c = 0; c < 3; ++c, at += plane) {
    const float value = levels[c] * work.options.gain[c] + work.options.offset[c];
    if (work.out.f16) {
      work.out.f16[at] = to_half(value).bits;
    } else {
      work.out.f32[at] = value;
    }
  }
}

HEATPOSE_KERNEL(kRows* kWarp) warp_crops_kernel(WarpWork work) {
  const auto block = static_cast<std::uint32_t>(block_index());
  const auto crop = static_cast<int>(block / static_cast<std::uint32_t>(work.bands));
  const int y = (static_cast<int>(block) - crop * work.bands) * kRows + warp_index();
  if (y >= work.crop_height) return;

  double matrix[6];
  bool finite = true;
  for (int i = 0; i < 6; ++i) {
    const double entry = work.matrices[6 * static_cast<std::int64_t>(crop) + i];
    finite = finite && entry - entry == 0;
    matrix[i] = entry < -kFarAway ? -kFarAway : entry > kFarAway ? kFarAway : entry;
  }
  const CropLine outside{0, -2};  // touches no photo
  const CropLine across = finite ? crop_line(matrix, y) : outside;
  const CropLine down = finite ? crop_line(matrix + 3, y) : outside;

  std::int64_t plane = static_cast<std::int64_t>(work.crop_height) * work.crop_width;
  std::int64_t at = std::int64_t{3} * crop * plane + static_cast<std::int64_t>(y) * work.crop_width;
  if (work.options.swap_rgb) {
    at += 2 * plane;
    plane = -plane;
  }
  for (int x = lane_index(); x < work.crop_width; x += kWarp) {
    const double px = place_on(across, x), py = place_on(down, x);
    float levels[3];
    if (inside_photo(px, py, work.height, work.width)) {
      levels_inside(work.image, work.width, px, py, levels);
    } else {
      levels_anywhere(work.image, work.height, work.width, px, py, work.options.border, levels);
    }
    write_pixel(work, at + x, plane, levels);
  }
}

}  // namespace

void warp_crops_cuda(const std::uint8_t* image, int height, int width, const double* matrices,
                     std::int64_t crops, int crop_height, int crop_width,
                     const WarpOptions& options, const PixelPlanes& out, const CudaCall& call) {
  const DeviceGuard guard(call);
  const auto bands = static_cast<int>(ceil_div(crop_height, kRows));
  launch(call, "warp_crops", warp_crops_kernel, crops * bands, kRows * kWarp, 0,
         WarpWork{image, matrices, out, options, height, width, crop_height, crop_width, bands});
}

}  // namespace heatpose
