// Rows of the content are made top to bottom: each takes four photo rows that were resized across,
// which a ring keeps, so nothing of photo size is ever written. A block of rows is one thread's
// work and fills its own ring.

#include "heatpose/prepare_image.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

constexpr int kRowsPerBlock = 32;

/// One axis: content pixel i is the sum of weights[k n + i] over the photo pixels base[i] - 1 + k,
/// n pixels in all.
struct CubicTaps {
  std::vector<std::int32_t> base;
  std::vector<float> weights;
};

CubicTaps cubic_taps(int from, int to, double step) {
  constexpr double a = -0.75;
  CubicTaps taps;
  taps.base.resize(static_cast<std::size_t>(to));
  taps.weights.resize(4 * static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    const double source = (i + 0.5) * step - 0.5;
    const double floor = std::floor(source);
    const double x = source - floor, y = 1 - x;
    const double outer = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
    const double left = ((a + 2) * x - (a + 3)) * x * x + 1;
    const double right = ((a + 2) * y - (a + 3)) * y * y + 1;
    const double weights[4] = {outer, left, right, 1 - outer - left - right};
    for (int k = 0; k < 4; ++k) {
      taps.weights[static_cast<std::size_t>(k) * taps.base.size() + static_cast<std::size_t>(i)] =
          static_cast<float>(weights[k]);
    }
    // From base == from on, all four taps are the last pixel.
    taps.base[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(std::clamp(floor, -1.0, static_cast<double>(from)));
  }
  return taps;
}

}  // namespace

void prepare_image_cpu(const std::uint8_t* image, int height, int width, int content_height,
                       int content_width, const PrepareOptions& options, int out_height,
                       int out_width, const PixelPlanes& out) {
  const Kernels& kernel = kernels();
  const bool copy = content_height == height && content_width == width;
  CubicTaps down, across;
  if (!copy) {
    down = cubic_taps(height, content_height, options.step_y);
    across = cubic_taps(width, content_width, options.step_x);
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
          const int source = std::clamp(base - 1 + k, 0, height - 1);
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
