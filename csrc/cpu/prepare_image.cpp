// Rows of the content are made top to bottom: each takes four photo rows that were resized across,
// which a ring keeps, so nothing of photo size is ever written. A block of rows is one thread's
// work and fills its own ring.

#include "heatpose/prepare_image.h"

#include <algorithm>
#include <vector>

#include "common/cubic_rule.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

constexpr int kRowsPerBlock = 32;

/// One axis, see CubicTaps: the taps of all pixels of the content, weights[k n + i] of n pixels.
struct CubicAxis {
  std::vector<std::int32_t> base;
  std::vector<float> weights;
};

CubicAxis cubic_axis(int from, int to, double step) {
  const auto n = static_cast<std::size_t>(to);
  CubicAxis axis;
  axis.base.resize(n);
  axis.weights.resize(4 * n);
  for (int i = 0; i < to; ++i) {
    const CubicTaps taps = cubic_taps(i, from, step);
    const auto at = static_cast<std::size_t>(i);
    axis.base[at] = taps.base;
    for (std::size_t k = 0; k < 4; ++k) axis.weights[k * n + at] = taps.weights[k];
  }
  return axis;
}

}  // namespace

void prepare_image_cpu(const std::uint8_t* image, int height, int width, int content_height,
                       int content_width, const PrepareOptions& options, int out_height,
                       int out_width, const PixelPlanes& out) {
  const Kernels& kernel = kernels();
  const bool copy = content_height == height && content_width == width;
  CubicAxis down, across;
  if (!copy) {
    down = cubic_axis(height, content_height, options.step_y);
    across = cubic_axis(width, content_width, options.step_x);
  }
  const float pad =
      static_cast<float>(options.pad_value) * options.norm_scale + options.norm_offset;
  const std::int64_t row_bytes = 3 * static_cast<std::int64_t>(width);
  const std::int64_t plane_size = static_cast<std::int64_t>(out_height) * out_width;

  parallel_for(out_height, kRowsPerBlock, [&](std::int64_t begin, std::int64_t end) {
    ScratchFrame scratch;
    std::uint8_t* framed = copy ? nullptr : scratch.take<std::uint8_t>(row_bytes + 5 * 3 + 16);
    float* rounded = out.f16 ? scratch.take<float>(out_width) : nullptr;
    float* ring[4][3];
    int held[4] = {-1, -1, -1, -1};  // which photo row each slot of the ring holds
    for (auto& slot : ring) {
      for (float*& plane : slot) plane = copy ? nullptr : scratch.take<float>(content_width);
    }
    for (int y = static_cast<int>(begin); y < end; ++y) {
      int slots[4] = {0, 0, 0, 0};
      if (y < content_height && !copy) {
        for (int k = 0; k < 4; ++k) {
          const std::int32_t base = down.base[static_cast<std::size_t>(y)];
          const int source = cubic_source(base, k, height);
          const int slot = slots[k] = source & 3;
          if (held[slot] == source) continue;
          kernel.frame_row(image + source * row_bytes, width, framed);
          kernel.resize_across(framed, across.base.data(), across.weights.data(), content_width,
                               ring[slot]);
          held[slot] = source;
        }
      }
      for (int plane = 0; plane < 3; ++plane) {
        const int channel = options.swap_rgb ? 2 - plane : plane;
        const std::int64_t at = plane * plane_size + static_cast<std::int64_t>(y) * out_width;
        float* row = out.f16 ? rounded : out.f32 + at;
        const int filled = y < content_height ? content_width : 0;
        if (filled > 0 && copy) {
          kernel.shade_row(image + y * row_bytes, channel, content_width, options.norm_scale,
                           options.norm_offset, row);
        } else if (filled > 0) {
          const float* rows[4] = {ring[slots[0]][channel], ring[slots[1]][channel],
                                  ring[slots[2]][channel], ring[slots[3]][channel]};
          const float* w = down.weights.data() + y;
          const float weights[4] = {w[0], w[content_height], w[2 * content_height],
                                    w[3 * content_height]};
          kernel.resize_down(rows, weights, content_width, options.norm_scale, options.norm_offset,
                             row);
        }
        std::fill(row + filled, row + out_width, pad);
        if (out.f16) kernel.floats_to_halves(row, out_width, out.f16 + at);
      }
    }
  });
}

}  // namespace heatpose
