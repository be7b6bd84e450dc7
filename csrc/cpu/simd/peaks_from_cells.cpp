#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

constexpr int kSide = 16;  // pixels of a tile on each axis

struct Interval {
  float mid, rad;
};

/// Vertical sums of columns [begin, end): an interval weight times a value v lies within
/// centre * v +- radius * |v|.
HEATPOSE_INLINE void bound_columns(const float* values, std::int64_t stride, int rows,
                                   const float* centre, const float* radius, int begin, int end,
                                   float* mid_out, float* rad_out) {
  for (int x = begin; x < end; x += kLanes) {
    VecF mid{}, rad{};
    const float* at = values + x;
    for (int k = 0; k < rows; ++k, at += stride) {
      const VecF v = load(at);
      mid += v * centre[k];
      rad += vabs(v) * radius[k];
    }
    store(mid_out + x, mid);
    store(rad_out + x, rad);
  }
}

/// Horizontal sum over one tile's columns, of intervals under interval weights.
HEATPOSE_INLINE Interval bound_across(const float* mid, const float* rad, int columns,
                                      const float* centre, const float* radius) {
  VecF mid_sum{}, rad_sum{};
  for (int c = 0; c < columns; c += kLanes) {
    const VecF m = load(mid + c), r = load(rad + c), cx = load(centre + c), rx = load(radius + c);
    mid_sum += cx * m;
    rad_sum += (vabs(cx) + rx) * r + rx * vabs(m);
  }
  return {horizontal_sum(mid_sum), horizontal_sum(rad_sum)};
}

HEATPOSE_INLINE float highest_lane(VecF v) {
  float highest = v[0];
  for (int i = 1; i < kLanes; ++i) highest = v[i] > highest ? v[i] : highest;
  return highest;
}

HEATPOSE_INLINE int columns_of(const TileScale& scale) {
  return static_cast<int>(scale.stride) - kSide;  // the last 16 are there to be read past the end
}

}  // namespace

bool pad_plane(const float* plane, int height, int width, float weight, std::int64_t stride,
               float* cells, float* step_x, float* step_y, float* most) {
  VecF largest{};
  VecI bad{};
  float largest_tail = 0.0f;
  bool finite = true;
  for (int y = 0; y < height; ++y) {
    const float* in = plane + static_cast<std::int64_t>(y) * width;
    float* out = cells + y * stride;
    int x = 0;
    for (; x + kLanes <= width; x += kLanes) {
      VecF v = load(in + x) * weight;
      // A NaN or an infinity minus itself is not zero.
      const VecI good = v - v == VecF{};
      v = (VecF)((VecI)v & good);
      bad |= ~good;
      largest = vmax(largest, vabs(v));
      store(out + x, v);
    }
    for (; x < width; ++x) {
      float v = in[x] * weight;
      if (!(v - v == 0.0f)) {
        v = 0.0f;
        finite = false;
      }
      const float size = v < 0 ? -v : v;
      if (size > largest_tail) largest_tail = size;
      out[x] = v;
    }
  }
  // Columns and rows past the map are zero; the steps onto them are not steps of the map.
  for (int y = 0; y < height; ++y) {
    const float* row = cells + y * stride;
    float *sx = step_x + y * stride, *sy = step_y + y * stride;
    for (int x = 0; x < width; x += kLanes) {
      const VecF v = load(row + x);
      store(sx + x, load(row + x + 1) - v);
      if (y + 1 < height) store(sy + x, load(row + stride + x) - v);
    }
    sx[width - 1] = 0.0f;
  }
  const float wide = highest_lane(largest);
  *most = wide > largest_tail ? wide : largest_tail;
  return finite && lane_bits(bad) == 0;
}

void bound_tile_row(const TileScale& scale, int ty, int tiles, float positive, float negative,
                    const TileRowBounds& row, float* window, float* __restrict bounds) {
  const int columns = columns_of(scale);
  const TileAxisView& y = scale.y;
  bound_columns(scale.cells + y.start[ty] * scale.stride, scale.stride, y.taps,
                y.centre + ty * y.padded_taps, y.radius + ty * y.padded_taps, 0, columns, row.mid,
                row.rad);
  VecF top{}, bottom{};
  for (int x = 0; x < columns; x += kLanes) {
    const VecF mid = load(row.mid + x), rad = load(row.rad + x);
    const VecF upper = vmax(mid + rad, VecF{});
    store(window + x, upper);
    top = vmax(top, upper);
    bottom = vmax(bottom, rad - mid);
  }
  const float low = negative * highest_lane(bottom);
  if (highest_lane(top) > 0.0f) {
    // Sliding maximum over `taps` columns, by doubling.
    int covered = 1;
    for (; 2 * covered <= scale.x.taps; covered *= 2) {
      for (int x = 0; x < columns - covered; x += kLanes) {
        store(window + x, vmax(load(window + x), load(window + x + covered)));
      }
    }
    const int rest = scale.x.taps - covered;
    for (int x = 0; x < columns - rest; x += kLanes) {
      store(window + x, vmax(load(window + x), load(window + x + rest)) * positive);
    }
    const std::int32_t* __restrict start = scale.x.start;
    for (int t = 0; t < tiles; ++t) bounds[t] += window[start[t]] + low;
  } else {
    for (int t = 0; t < tiles; ++t) bounds[t] += low;
  }
}

int select_tiles(const float* bounds, int tiles, float threshold, std::int32_t* found) {
  int count = 0;
  const VecF limit = splat(threshold);
  for (int t = 0; t < tiles; t += kLanes) {
    // Bounds past the last tile are readable, and dropped here.
    for (std::uint32_t bits = lane_bits(load(bounds + t) > limit); bits != 0; bits &= bits - 1) {
      const int at = t + __builtin_ctz(bits);
      if (at < tiles) found[count++] = at;
    }
  }
  return count;
}

int bound_tile_value(const TileScale* scales, const TileRowBounds* rows, int count,
                     const TileLimits& limits, std::int32_t* txs, int tiles) {
  int kept = 0;
  for (int i = 0; i < tiles; ++i) {
    const int tx = txs[i];
    float high = limits.margin;
    for (int s = 0; s < count; ++s) {
      const TileAxisView& x = scales[s].x;
      const int at = x.start[tx], px = tx * x.padded_taps;
      const Interval value =
          bound_across(rows[s].mid + at, rows[s].rad + at, x.taps, x.centre + px, x.radius + px);
      high += value.mid + value.rad;
    }
    txs[kept] = tx;
    kept += high > limits.threshold ? 1 : 0;
  }
  return kept;
}

int bound_tile_slopes(const TileScale* scales, const TileRowBounds* rows, int count, int ty,
                      const TileLimits& limits, int last_tile, std::int32_t* txs, int tiles) {
  for (int s = 0; s < count; ++s) {
    const TileScale& scale = scales[s];
    const TileAxisView &y = scale.y, &x = scale.x;
    const std::int64_t first = y.start[ty] * scale.stride;
    const int py = ty * y.padded_taps;
    // Columns of neighbouring tiles overlap: each run of them is summed once.
    int begin = x.start[txs[0]], end = begin;
    for (int i = 0; i <= tiles; ++i) {
      if (i == tiles || x.start[txs[i]] > end) {
        bound_columns(scale.step_x + first, scale.stride, y.taps, y.centre + py, y.radius + py,
                      begin, end, rows[s].mid_x, rows[s].rad_x);
        bound_columns(scale.step_y + first, scale.stride, y.taps, y.slope_centre + py,
                      y.slope_radius + py, begin, end, rows[s].mid_y, rows[s].rad_y);
        if (i < tiles) begin = x.start[txs[i]];
      }
      if (i < tiles) end = x.start[txs[i]] + x.taps;
    }
  }
  int kept = 0;
  for (int i = 0; i < tiles; ++i) {
    const int tx = txs[i];
    Interval dx{0.0f, limits.margin}, dy{0.0f, limits.margin};
    for (int s = 0; s < count; ++s) {
      const TileAxisView& x = scales[s].x;
      const int at = x.start[tx], px = tx * x.padded_taps;
      const Interval along_x = bound_across(rows[s].mid_x + at, rows[s].rad_x + at, x.taps,
                                            x.slope_centre + px, x.slope_radius + px);
      const Interval along_y = bound_across(rows[s].mid_y + at, rows[s].rad_y + at, x.taps,
                                            x.centre + px, x.radius + px);
      dx.mid += along_x.mid;
      dx.rad += along_x.rad;
      dy.mid += along_y.mid;
      dy.rad += along_y.rad;
    }
    const bool ruled_out = (dx.mid > dx.rad && tx != last_tile) || (dx.mid < -dx.rad && tx != 0) ||
                           (dy.mid > dy.rad && limits.rise_y) ||
                           (dy.mid < -dy.rad && limits.fall_y);
    txs[kept] = tx;
    kept += ruled_out ? 0 : 1;
  }
  return kept;
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
