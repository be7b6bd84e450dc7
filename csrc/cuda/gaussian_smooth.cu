#include "heatpose/gaussian_smooth.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "common/border_rule.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"

// With a radius of 12 a pixel takes 50 multiply-adds, so that arithmetic costs as much time as the
// memory's 8 bytes: what a kernel does besides must be little. A thread makes eight neighbouring
// values at once from samples that it holds in registers, so that one 16-byte read of shared memory
// serves 32 multiply-adds.
//
// A block smooths a strip of 64 columns downwards, 32 rows a step: along the rows into `columns`,
// which keeps them transposed, so that smoothing down the columns reads neighbours as well. The
// last 2 * radius rows stay there for the next step. Only a strip's start smooths rows twice.

namespace heatpose {
namespace {

constexpr int kThreads = 256;
constexpr int kAcross = 64, kDown = 32;  // pixels of one step
constexpr int kRun = 8;                  // values of one thread
constexpr int kMostSteps = 6;            // of a strip
constexpr int kMostFused = 40;           // the largest radius whose step fits shared memory
constexpr int kUsual = 12;               // the radius of sigma 3, compiled on its own
constexpr int kMostRadius = 512;
constexpr std::int64_t kMostGroup = std::int64_t{1} << 26;  // values of the workspace

template <typename Cell>
struct SmoothJob {
  const Cell* maps;
  float* out;
  int height, width, radius;
  Border border;
  int strips, segments, segment_rows;
  bool quads;                      ///< cells may be read four at once
  float taps[2 * kMostFused + 1];  ///< [2 * radius + 1]
};

/// Floats from row to row of an array in shared memory: an odd number of 16-byte words, so that
/// lanes that read 16 bytes of successive rows meet in no bank.
HEATPOSE_METHOD int pitch_of(int count) { return (count + 7) / 8 * 8 + 4; }
HEATPOSE_METHOD int row_pitch(int radius) { return pitch_of(kAcross + 2 * radius); }
HEATPOSE_METHOD int column_pitch(int radius) { return pitch_of(kDown + 2 * radius); }

HEATPOSE_DEVICE Float4 load_four(const float* at) { return *reinterpret_cast<const Float4*>(at); }
template <typename Cell>
HEATPOSE_DEVICE Float4 load_four(const Cell* at) {
  const Half4 bits = *reinterpret_cast<const Half4*>(at);
  return {to_float(Cell{bits.x}), to_float(Cell{bits.y}), to_float(Cell{bits.z}),
          to_float(Cell{bits.w})};
}

HEATPOSE_DEVICE Float4* quad_at(float* at) { return reinterpret_cast<Float4*>(at); }

/// kDown rows from (left, top) on, kAcross + 2 * radius wide, four columns at once: what lies
/// outside the map is the border's. A warp takes every eighth row.
template <typename Cell>
HEATPOSE_DEVICE void load_rows(const SmoothJob<Cell>& job, const Cell* map, int radius, int left,
                               int top, float* rows) {
  constexpr int kWarps = kThreads / kWarp, kRows = kDown / kWarps;
  const int quads = (kAcross + 2 * radius + 3) / 4;
  int y[kRows];  // below 0 for a row of zeros
  HEATPOSE_UNROLL
  for (int k = 0; k < kRows; ++k) {
    y[k] = border_index(top + warp_index() + k * kWarps, job.height, job.border);
  }
  for (int quad = lane_index(); quad < quads; quad += kWarp) {
    const int x = left + 4 * quad;
    const bool inside = x >= 0 && x + 4 <= job.width;
    Float4 values[kRows];
    if (inside && job.quads) {
      HEATPOSE_UNROLL
      for (int k = 0; k < kRows; ++k) {
        const std::int64_t at = static_cast<std::int64_t>(y[k]) * job.width + x;
        values[k] = y[k] < 0 ? Float4{0.0f, 0.0f, 0.0f, 0.0f} : load_four(map + at);
      }
    } else {
      int columns[4];
      HEATPOSE_UNROLL
      for (int i = 0; i < 4; ++i) {
        columns[i] = inside ? x + i : border_index(x + i, job.width, job.border);
      }
      HEATPOSE_UNROLL
      for (int k = 0; k < kRows; ++k) {
        values[k] = {0.0f, 0.0f, 0.0f, 0.0f};
        if (y[k] < 0) continue;
        const Cell* const row = map + static_cast<std::int64_t>(y[k]) * job.width;
        const auto cell = [&](int i) { return columns[i] < 0 ? 0.0f : to_float(row[columns[i]]); };
        values[k] = {cell(0), cell(1), cell(2), cell(3)};
      }
    }
    HEATPOSE_UNROLL
    for (int k = 0; k < kRows; ++k) {
      const int row = warp_index() + k * kWarps;
      *quad_at(rows + row * row_pitch(radius) + 4 * quad) = values[k];
    }
  }
}

HEATPOSE_DEVICE void take_four(const float* from, float* to) {
  const Float4 v = *reinterpret_cast<const Float4*>(from);
  to[0] = v.x;
  to[1] = v.y;
  to[2] = v.z;
  to[3] = v.w;
}

/// kRun neighbouring values from the samples at `from`, which are kRun + 2 * radius; up to three
/// beyond them are read, and not used: no sample outside a window touches its sum, NaN or not.
HEATPOSE_DEVICE void smooth_run(const float* from, const float* taps, int radius, float* sums) {
  const int count = 2 * radius + 1;
  float samples[kRun + 4];
  take_four(from, samples);
  take_four(from + 4, samples + 4);
  HEATPOSE_UNROLL
  for (int j = 0; j < kRun; ++j) sums[j] = 0.0f;
  int tap = 0;
  HEATPOSE_UNROLL
  for (; tap + 4 <= count; tap += 4) {
    take_four(from + tap + kRun, samples + kRun);
    HEATPOSE_UNROLL
    for (int u = 0; u < 4; ++u) {
      HEATPOSE_UNROLL
      for (int j = 0; j < kRun; ++j) sums[j] = multiply_add(taps[tap + u], samples[j + u], sums[j]);
    }
    HEATPOSE_UNROLL
    for (int j = 0; j < kRun; ++j) samples[j] = samples[j + 4];
  }
  // One tap is left, or three.
  HEATPOSE_UNROLL
  for (int j = 0; j < kRun; ++j) sums[j] = multiply_add(taps[tap], samples[j], sums[j]);
  if (count - tap == 1) return;
  take_four(from + tap + kRun, samples + kRun);
  HEATPOSE_UNROLL
  for (int u = 1; u < 3; ++u) {
    HEATPOSE_UNROLL
    for (int j = 0; j < kRun; ++j) sums[j] = multiply_add(taps[tap + u], samples[j + u], sums[j]);
  }
}

/// Moves the columns' rows up by one step. A warp moves whole columns.
HEATPOSE_DEVICE void keep_last_rows(float* columns, int radius) {
  const int pitch = column_pitch(radius);
  for (int row = 4 * (lane_index() % 8); row < 2 * radius; row += kDown) {
    for (int x = 4 * warp_index() + lane_index() / 8; x < kAcross; x += kThreads / 8) {
      *quad_at(columns + x * pitch + row) = *quad_at(columns + x * pitch + row + kDown);
    }
    // The next rows to move are the ones that these came from; each lane moves its own.
  }
}

/// kRadius is the job's radius, or 0 where it is not known here.
template <typename Cell, int kRadius>
HEATPOSE_KERNEL_RESIDENT(kThreads, kRadius > 0 ? 4 : 3)
smooth_strips(const SmoothJob<Cell> job) {
  const int radius = kRadius > 0 ? kRadius : job.radius;
  float* const rows = static_cast<float*>(dynamic_shared());
  float* const columns = rows + kDown * row_pitch(radius);
  const std::int64_t segment = block_index() / job.strips, plane = segment / job.segments;
  const int left = static_cast<int>(block_index() % job.strips) * kAcross;
  const int top = static_cast<int>(segment % job.segments) * job.segment_rows;
  const int end = top + job.segment_rows < job.height ? top + job.segment_rows : job.height;
  const std::int64_t plane_size = static_cast<std::int64_t>(job.height) * job.width;
  const Cell* const map = job.maps + plane * plane_size;
  float* const out = job.out + plane * plane_size + left;

  // In the steps before the first the columns get the 2 * radius rows that it finds there.
  float sums[kRun];
  for (int y = top - (2 * radius + kDown - 1) / kDown * kDown; y < end; y += kDown) {
    load_rows(job, map, radius, left - radius, y + radius, rows);
    sync_block();

    int x = kRun * warp_index(), row = lane_index();
    smooth_run(rows + row * row_pitch(radius) + x, job.taps, radius, sums);
    HEATPOSE_UNROLL
    for (int j = 0; j < kRun; ++j) {
      columns[(x + j) * column_pitch(radius) + 2 * radius + row] = sums[j];
    }
    sync_block();

    if (y >= top) {
      x = warp_index() % 2 * kWarp + lane_index();
      row = warp_index() / 2 * kRun;
      smooth_run(columns + x * column_pitch(radius) + row, job.taps, radius, sums);
      if (left + x < job.width) {
        float* to = out + static_cast<std::int64_t>(y + row) * job.width + x;
        HEATPOSE_UNROLL
        for (int j = 0; j < kRun; ++j, to += job.width) {
          if (y + row + j < end) store_streaming(to, sums[j]);
        }
      }
      sync_block();
    }
    keep_last_rows(columns, radius);
  }
}

// -------------------------------------------------------------------------------------------------
// Any radius: down the columns straight from memory, written transposed, twice.

struct WideTaps {
  float half[kMostRadius + 1];
};

/// in [planes, height, width] -> out [planes, width, height]
template <typename Cell>
HEATPOSE_KERNEL(kThreads)
smooth_down(const Cell* in, float* out, int height, int width, int radius, Border border,
            const WideTaps taps) {
  const std::int64_t across = (width + kThreads - 1) / kThreads, down = (height + kRun - 1) / kRun;
  const std::int64_t band = block_index() / across, plane = band / down;
  const int x = static_cast<int>(block_index() % across) * kThreads + thread_index();
  const int top = static_cast<int>(band % down) * kRun;
  if (x >= width) return;
  const Cell* const column = in + plane * height * width + x;
  const auto sample = [&](int y) {
    const int at = border_index(y, height, border);
    return at < 0 ? 0.0f : to_float(column[static_cast<std::int64_t>(at) * width]);
  };
  float samples[kRun], sums[kRun] = {};
  HEATPOSE_UNROLL
  for (int j = 1; j < kRun; ++j) samples[j] = sample(top - radius + j - 1);
  for (int tap = -radius; tap <= radius; ++tap) {
    HEATPOSE_UNROLL
    for (int j = 1; j < kRun; ++j) samples[j - 1] = samples[j];
    samples[kRun - 1] = sample(top + tap + kRun - 1);
    const float weight = taps.half[tap < 0 ? -tap : tap];
    HEATPOSE_UNROLL
    for (int j = 0; j < kRun; ++j) sums[j] = multiply_add(weight, samples[j], sums[j]);
  }
  float* const to = out + (plane * width + x) * height + top;
  HEATPOSE_UNROLL
  for (int j = 0; j < kRun; ++j) {
    if (top + j < height) to[j] = sums[j];
  }
}

template <typename Cell>
void smooth_fused(const Cell* maps, std::int64_t planes, int height, int width,
                  const SmoothTaps& taps, Border border, float* out, const CudaCall& call) {
  SmoothJob<Cell> job{};
  job.maps = maps;
  job.out = out;
  job.height = height;
  job.width = width;
  job.radius = taps.radius;
  job.border = border;
  job.strips = static_cast<int>(ceil_div(width, kAcross));
  // Long strips smooth fewer rows twice; short ones give a small image enough blocks.
  const std::int64_t steps = planes * job.strips * ceil_div(height, kDown);
  const std::int64_t strip_steps = std::clamp<std::int64_t>(steps / 1024, 1, kMostSteps);
  job.segment_rows = static_cast<int>(strip_steps) * kDown;
  job.segments = static_cast<int>(ceil_div(height, job.segment_rows));
  job.quads = taps.radius % 4 == 0 && width % 4 == 0 &&
              reinterpret_cast<std::uintptr_t>(maps) % (4 * sizeof(Cell)) == 0;
  for (int i = 0; i <= 2 * taps.radius; ++i) {
    job.taps[i] = static_cast<float>(taps.half[std::abs(i - taps.radius)]);
  }
  const int floats = kDown * row_pitch(taps.radius) + kAcross * column_pitch(taps.radius);
  launch(call, "gaussian_smooth",
         taps.radius == kUsual ? smooth_strips<Cell, kUsual> : smooth_strips<Cell, 0>,
         planes * job.strips * job.segments, kThreads,
         sizeof(float) * static_cast<std::size_t>(floats), job);
}

template <typename Cell>
void smooth_wide(const Cell* maps, std::int64_t planes, int height, int width,
                 const SmoothTaps& taps, Border border, float* out, const CudaCall& call) {
  WideTaps half{};
  std::copy(taps.half, taps.half + taps.radius + 1, half.half);
  const std::int64_t plane_size = static_cast<std::int64_t>(height) * width;
  const std::int64_t group = std::clamp<std::int64_t>(kMostGroup / plane_size, 1, planes);
  Workspace workspace;
  const Slot<float> slot = workspace.add<float>(group * plane_size);
  float* const turned = slot.in(workspace.allocate(call));
  const auto blocks = [](std::int64_t count, int h, int w) {
    return count * ceil_div(h, kRun) * ceil_div(w, kThreads);
  };
  for (std::int64_t first = 0; first < planes; first += group) {
    const std::int64_t count = std::min(group, planes - first);
    launch(call, "gaussian_smooth", smooth_down<Cell>, blocks(count, height, width), kThreads, 0,
           maps + first * plane_size, turned, height, width, taps.radius, border, half);
    launch(call, "gaussian_smooth", smooth_down<float>, blocks(count, width, height), kThreads, 0,
           turned, out + first * plane_size, width, height, taps.radius, border, half);
  }
}

}  // namespace

void gaussian_smooth_cuda(const void* maps, CellType type, std::int64_t planes, int height,
                          int width, const SmoothTaps& taps, Border border, float* out,
                          const CudaCall& call) {
  if (planes == 0 || height == 0 || width == 0) return;
  if (taps.radius > kMostRadius) {
    throw std::invalid_argument("taps must reach at most " + std::to_string(kMostRadius) +
                                " pixels on a CUDA device, got " + std::to_string(taps.radius));
  }
  const DeviceGuard guard(call);
  with_cell_type(type, [&](const auto* cell) {
    const auto* cells = static_cast<decltype(cell)>(maps);
    const auto smooth = taps.radius <= kMostFused ? smooth_fused<std::decay_t<decltype(*cell)>>
                                                  : smooth_wide<std::decay_t<decltype(*cell)>>;
    smooth(cells, planes, height, width, taps, border, out, call);
  });
}

}  // namespace heatpose
