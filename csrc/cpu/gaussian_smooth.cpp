#include "heatpose/gaussian_smooth.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"
#include "cpu/stream.h"

namespace heatpose {
namespace {

constexpr int kBandRows = 16 * kSmoothRows;  // rows of one task

struct Job {
  int height, width, radius;
  Border border;
  std::vector<float> taps;
  std::vector<std::int32_t> sides;  // [2 * radius] columns that stand left and right of a row
  bool streamed;
};

/// Fills what lies left and right of a row.
void fill_sides(float* row, const Job& job) {
  const std::int32_t* left = job.sides.data();
  const std::int32_t* right = left + job.radius;
  for (int k = 0; k < job.radius; ++k) {
    row[k - job.radius] = left[k] < 0 ? 0.0f : row[left[k]];
    row[job.width + k] = right[k] < 0 ? 0.0f : row[right[k]];
  }
}

/// Rows [begin, end) of one plane: down the columns straight from the maps, then along the row.
void smooth_band(const Job& job, const float* map, int begin, int end, float* out) {
  const Kernels& kernel = kernels();
  ScratchFrame scratch;
  const int side = (job.radius + 15) / 16 * 16;
  const std::int64_t stride = 2 * side + (job.width + 15) / 16 * 16 + 16;
  float* lines = scratch.take<float>(kSmoothRows * stride) + side;
  float* outside = scratch.take<float>(job.width);
  std::memset(outside, 0, sizeof(float) * static_cast<std::size_t>(job.width));
  const int window = 2 * kSmoothRows + 2 * job.radius;
  const float** rows = scratch.take<const float*>(window);
  for (int top = begin; top < end; top += kSmoothRows) {
    for (int i = 0; i < window; ++i) {
      // Rows past the last one that is wanted repeat it; their sums are not used.
      const int y = std::min(top + i, end - 1 + 2 * job.radius) - job.radius;
      const int at = border_index(y, job.height, job.border);
      rows[i] = at < 0 ? outside : map + static_cast<std::int64_t>(at) * job.width;
    }
    kernel.smooth_columns(rows, job.taps.data(), job.radius, job.width, lines, stride);
    for (int y = top; y < std::min(top + kSmoothRows, end); ++y) {
      float* line = lines + (y - top) * stride;
      fill_sides(line, job);
      kernel.smooth_row(line, job.taps.data(), job.radius, job.width,
                        out + static_cast<std::int64_t>(y) * job.width, job.streamed);
    }
  }
  if (job.streamed) stream_fence();
}

}  // namespace

// The window of rows is read where it lies, several rows of the output at a time, so there is no
// intermediate image and nothing to keep between bands: a band is a task of its own.
void gaussian_smooth_cpu(const float* maps, std::int64_t planes, int height, int width,
                         const SmoothTaps& taps, Border border, float* out) {
  if (planes == 0 || height == 0 || width == 0) return;
  const std::int64_t plane_size = static_cast<std::int64_t>(height) * width;
  const bool streamed = worth_streaming(planes * plane_size * static_cast<int>(sizeof(float)));
  Job job{height, width, taps.radius, border, {}, {}, streamed};
  job.taps.assign(taps.half, taps.half + taps.radius + 1);
  for (int k = -taps.radius; k < 0; ++k) job.sides.push_back(border_index(k, width, border));
  for (int k = 0; k < taps.radius; ++k) job.sides.push_back(border_index(width + k, width, border));
  const std::int64_t bands = (height + kBandRows - 1) / kBandRows;
  parallel_for(planes * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t plane = task / bands;
      const int top = static_cast<int>(task % bands) * kBandRows;
      smooth_band(job, maps + plane * plane_size, top, std::min(height, top + kBandRows),
                  out + plane * plane_size);
    }
  });
}

}  // namespace heatpose
