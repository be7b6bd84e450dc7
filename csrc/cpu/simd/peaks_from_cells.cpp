#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

constexpr int kSide = 16;  // pixels of a tile on each axis

struct Interval {
  float mid, rad;
};

/// Sum over the tile's cells of (y interval) x (x interval) x value: first along y for all columns
/// at once, then along x. |w v| <= |centre v| + radius |v|, applied twice.
HEATPOSE_INLINE Interval bound(const float* values, std::int64_t stride, int rows,
                               const float* centre_y, const float* radius_y, int columns,
                               const float* centre_x, const float* radius_x) {
  VecF mid_sum{}, rad_sum{};
  for (int c = 0; c < columns; c += kLanes) {
    VecF mid{}, rad{};
    const float* row = values + c;
    for (int k = 0; k < rows; ++k, row += stride) {
      const VecF v = load(row);
      mid += v * centre_y[k];
      rad += vabs(v) * radius_y[k];
    }
    const VecF cx = load(centre_x + c), rx = load(radius_x + c);
    mid_sum += cx * mid;
    rad_sum += (vabs(cx) + rx) * rad + rx * vabs(mid);
  }
  return {horizontal_sum(mid_sum), horizontal_sum(rad_sum)};
}

}  // namespace

bool pad_plane(const float* plane, int height, int width, float weight, int rows,
               std::int64_t stride, float* cells, float* step_x, float* step_y, float* most,
               float* least) {
  float largest = 0.0f, smallest = 0.0f;
  bool finite = true;
  for (int y = 0; y < rows; ++y) {
    float* out = cells + y * stride;
    int x = 0;
    if (y < height) {
      const float* in = plane + static_cast<std::int64_t>(y) * width;
      for (; x < width; ++x) {
        float value = in[x] * weight;
        // A NaN or an infinity minus itself is not zero.
        if (!(value - value == 0.0f)) {
          value = 0.0f;
          finite = false;
        }
        out[x] = value;
        const float size = value < 0 ? -value : value;
        if (size > largest) largest = size;
        if (value < smallest) smallest = value;
      }
    }
    for (; x < stride; ++x) out[x] = 0.0f;
  }
  for (int y = 0; y < rows; ++y) {
    const float* row = cells + y * stride;
    float *sx = step_x + y * stride, *sy = step_y + y * stride;
    for (int x = 0; x < stride; ++x) {
      sx[x] = y < height && x + 1 < width ? row[x + 1] - row[x] : 0.0f;
      sy[x] = y + 1 < height && x < width ? row[x + stride] - row[x] : 0.0f;
    }
  }
  *most = largest;
  *least = smallest;
  return finite;
}

void bound_tile_row(const TileScale& scale, int ty, int tiles, float positive, float low,
                    float* window, float* bounds) {
  const float* first = scale.cells + scale.y.start[ty] * scale.stride;
  const int span = static_cast<int>(scale.stride) - kSide;  // the last 16 columns are padding
  VecF top{};
  for (int x = 0; x < span; x += kLanes) {
    VecF best = load(first + x);
    for (int k = 1; k < scale.y.taps; ++k) best = vmax(best, load(first + k * scale.stride + x));
    store(window + x, best);
    top = vmax(top, best);
  }
  store(window + span, VecF{});
  float highest = 0.0f;
  for (int i = 0; i < kLanes; ++i) highest = top[i] > highest ? top[i] : highest;
  if (highest <= 0.0f) {
    for (int t = 0; t < tiles; ++t) bounds[t] += low;
    return;
  }
  // Sliding maximum over `taps` columns, by doubling.
  int covered = 1;
  for (; 2 * covered <= scale.x.taps; covered *= 2) {
    for (int x = 0; x < span - covered; x += kLanes) {
      store(window + x, vmax(load(window + x), load(window + x + covered)));
    }
  }
  const int rest = scale.x.taps - covered;
  for (int t = 0; t < tiles; ++t) {
    const float* at = window + scale.x.start[t];
    const float best = at[0] > at[rest] ? at[0] : at[rest];
    bounds[t] += positive * (best > 0.0f ? best : 0.0f) + low;
  }
}

bool tile_may_peak(const TileScale* scales, int count, int ty, int tx, const TileLimits& limits) {
  float high = 0.0f;
  for (int s = 0; s < count; ++s) {
    const TileScale& scale = scales[s];
    const TileAxisView &y = scale.y, &x = scale.x;
    const std::int64_t at = y.start[ty] * scale.stride + x.start[tx];
    const int py = ty * y.padded_taps, px = tx * x.padded_taps;
    const Interval value = bound(scale.cells + at, scale.stride, y.taps, y.centre + py,
                                 y.radius + py, x.taps, x.centre + px, x.radius + px);
    high += value.mid + value.rad;
  }
  if (high + limits.margin <= limits.threshold) return false;
  if (!limits.slopes) return true;
  float mid = 0.0f, rad = limits.margin;
  for (int s = 0; s < count; ++s) {
    const TileScale& scale = scales[s];
    const TileAxisView &y = scale.y, &x = scale.x;
    const std::int64_t at = y.start[ty] * scale.stride + x.start[tx];
    const int py = ty * y.padded_taps, px = tx * x.padded_taps;
    const Interval slope = bound(scale.step_x + at, scale.stride, y.taps, y.centre + py,
                                 y.radius + py, x.taps, x.slope_centre + px, x.slope_radius + px);
    mid += slope.mid;
    rad += slope.rad;
  }
  if ((mid > rad && limits.rise_x) || (mid < -rad && limits.fall_x)) return false;
  mid = 0.0f;
  rad = limits.margin;
  for (int s = 0; s < count; ++s) {
    const TileScale& scale = scales[s];
    const TileAxisView &y = scale.y, &x = scale.x;
    const std::int64_t at = y.start[ty] * scale.stride + x.start[tx];
    const int py = ty * y.padded_taps, px = tx * x.padded_taps;
    const Interval slope = bound(scale.step_y + at, scale.stride, y.taps, y.slope_centre + py,
                                 y.slope_radius + py, x.taps, x.centre + px, x.radius + px);
    mid += slope.mid;
    rad += slope.rad;
  }
  return !((mid > rad && limits.rise_y) || (mid < -rad && limits.fall_y));
}

void evaluate_tile(const TileScale* scales, int count, int ty, int tx, float* scratch,
                   float* pixels) {
  for (int s = 0; s < count; ++s) {
    const TileScale& scale = scales[s];
    const TileAxisView &y = scale.y, &x = scale.x;
    const float* cells = scale.cells + y.start[ty] * scale.stride + x.start[tx];
    const float* weights_y = y.weights + static_cast<std::int64_t>(ty) * y.taps * kSide;
    const float* weights_x = x.weights + static_cast<std::int64_t>(tx) * x.taps * kSide;
    const int pitch = x.padded_taps;
    // Vertical: sixteen rows of cells-wide sums, eight rows in registers at a time.
    for (int c = 0; c < x.taps; c += kLanes) {
      for (int half = 0; half < kSide; half += 8) {
        VecF sums[8] = {};
        for (int k = 0; k < y.taps; ++k) {
          const VecF row = load(cells + k * scale.stride + c);
          const float* w = weights_y + k * kSide + half;
          for (int r = 0; r < 8; ++r) sums[r] += row * w[r];
        }
        for (int r = 0; r < 8; ++r) store(scratch + (half + r) * pitch + c, sums[r]);
      }
    }
    // Horizontal: each cell-wide sum spreads over sixteen pixels.
    constexpr int kRows = kLanes == 16 ? 8 : kLanes == 8 ? 4 : 2;
    for (int r = 0; r < kSide; r += kRows) {
      Row16 acc[kRows];
      for (int i = 0; i < kRows; ++i) {
        acc[i] = s == 0 ? splat16(0.0f) : load16(pixels + (r + i) * kSide);
      }
      for (int k = 0; k < x.taps; ++k) {
        const Row16 w = load16(weights_x + k * kSide);
        for (int i = 0; i < kRows; ++i) add_product(acc[i], w, scratch[(r + i) * pitch + k]);
      }
      for (int i = 0; i < kRows; ++i) store16(pixels + (r + i) * kSide, acc[i]);
    }
  }
}

int find_tile_peaks(const float* pixels, int height, int width, float threshold, int connectivity,
                    Ties ties, std::int32_t* found) {
  int count = 0;
  const VecF limit = splat(threshold);
  for (int y = 1; y <= height; ++y) {
    const float* row = pixels + y * kSide;
    for (int x0 = 1; x0 <= width; x0 += kLanes) {
      // Reads past the row's end meet the next row, or the padding behind the tile: bits past
      // `width` are dropped below.
      const VecF value = load(row + x0);
      VecI pass = value > limit;
      if (lane_bits(pass) == 0) continue;
      pass &= ~(load(row + x0 - 1) > value) & ~(load(row + x0 + 1) > value);
      pass &= ~(load(row + x0 - kSide) > value) & ~(load(row + x0 + kSide) > value);
      for (std::uint32_t bits = lane_bits(pass); bits != 0; bits &= bits - 1) {
        const int x = x0 + __builtin_ctz(bits);
        if (x > width) break;
        const float* p = row + x;
        const float v = *p;
        bool peak = !beats(p[-1], v, true, ties) && !beats(p[-kSide], v, true, ties) &&
                    !beats(p[1], v, false, ties) && !beats(p[kSide], v, false, ties);
        if (peak && connectivity == 8) {
          peak = !beats(p[-kSide - 1], v, true, ties) && !beats(p[-kSide + 1], v, true, ties) &&
                 !beats(p[kSide - 1], v, false, ties) && !beats(p[kSide + 1], v, false, ties);
        }
        if (peak) found[count++] = (y - 1) << 8 | (x - 1);
      }
    }
  }
  return count;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
