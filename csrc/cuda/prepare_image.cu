// A thread makes one pixel, three channels, from its sixteen pixels of the photo. An input is small
// (a quarter of a million pixels) and there is one of it, so the launch and the way to the memory
// and back are most of the time: nothing is kept between rows that threads would have to wait for.

#include "heatpose/prepare_image.h"

#include "common/cubic_rule.h"
#include "common/half.h"
#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {
namespace {

constexpr int kColumns = kWarp, kRows = 8;  // of a block

struct PrepareWork {
  const std::uint8_t* image;
  PixelPlanes out;
  PrepareOptions options;
  int height, width, content_height, content_width, out_height, out_width;
  int tiles;  // blocks side by side
};

HEATPOSE_DEVICE bool copies(const PrepareWork& work) {
  return work.content_height == work.height && work.content_width == work.width;
}

/// The grey levels of a pixel of the content: each of four rows across, then down.
HEATPOSE_DEVICE void resized_levels(const PrepareWork& work, const CubicTaps& across,
                                    const CubicTaps& down, float* levels) {
  int column[4];
  for (int k = 0; k < 4; ++k) column[k] = 3 * cubic_source(across.base, k, work.width);
  float row[4][3];
  HEATPOSE_UNROLL
  for (int k = 0; k < 4; ++k) {
    const int y = cubic_source(down.base, k, work.height);
    const std::uint8_t* from = work.image + 3 * static_cast<std::int64_t>(y) * work.width;
    HEATPOSE_UNROLL
    for (int c = 0; c < 3; ++c) {
      row[k][c] = cubic_sum(from[column[0] + c], from[column[1] + c], from[column[2] + c],
                            from[column[3] + c], across.weights[0], across.weights[1],
                            across.weights[2], across.weights[3]);
    }
  }
  HEATPOSE_UNROLL
  for (int c = 0; c < 3; ++c) {
    levels[c] = grey_level(cubic_sum(row[0][c], row[1][c], row[2][c], row[3][c], down.weights[0],
                                     down.weights[1], down.weights[2], down.weights[3]));
  }
}

HEATPOSE_KERNEL(kColumns* kRows) prepare_image_kernel(PrepareWork work) {
  HEATPOSE_SHARED CubicTaps across[kColumns];
  HEATPOSE_SHARED CubicTaps down[kRows];
  const auto block = static_cast<std::uint32_t>(block_index());
  const std::uint32_t row = block / static_cast<std::uint32_t>(work.tiles);
  const int top = static_cast<int>(row) * kRows;
  const int left =
      static_cast<int>(block - row * static_cast<std::uint32_t>(work.tiles)) * kColumns;
  const bool copy = copies(work);
  if (!copy && left < work.content_width && top < work.content_height) {
    // Two warps, so that neither waits for the other's double precision.
    const int i = thread_index(), j = i - kWarp;
    if (i < kColumns) across[i] = cubic_taps(left + i, work.width, work.options.step_x);
    if (j >= 0 && j < kRows) down[j] = cubic_taps(top + j, work.height, work.options.step_y);
  }
  sync_block();
  const int x = left + lane_index(), y = top + warp_index();
  if (x >= work.out_width || y >= work.out_height) return;

  float levels[3];
  const auto pad = static_cast<float>(work.options.pad_value);
  if (x >= work.content_width || y >= work.content_height) {
    for (float& level : levels) level = pad;
  } else if (copy) {
    const std::uint8_t* from = work.image + 3 * (static_cast<std::int64_t>(y) * work.width + x);
    for (int c = 0; c < 3; ++c) levels[c] = from[c];
  } else {
    resized_levels(work, across[lane_index()], down[warp_index()], levels);
  }
  HEATPOSE_UNROLL
  for (int c = 0; c < 3; ++c) {
    const int plane = work.options.swap_rgb ? 2 - c : c;
    const std::int64_t at =
        (static_cast<std::int64_t>(plane) * work.out_height + y) * work.out_width + x;
    const float value = levels[c] * work.options.norm_scale + work.options.norm_offset;
    if (work.out.f16) {
      work.out.f16[at] = to_half(value).bits;
    } else {
      work.out.f32[at] = value;
    }
  }
}

}  // namespace

void prepare_image_cuda(const std::uint8_t* image, int height, int width, int content_height,
                        int content_width, const PrepareOptions& options, int out_height,
                        int out_width, const PixelPlanes& out, const CudaCall& call) {
  const DeviceGuard guard(call);
  const std::int64_t tiles = ceil_div(out_width, kColumns);
  launch(call, "prepare_image", prepare_image_kernel, tiles * ceil_div(out_height, kRows),
         kColumns * kRows, 0,
         PrepareWork{image, out, options, height, width, content_height, content_width, out_height,
                     out_width, static_cast<int>(tiles)});
}

}  // namespace heatpose
