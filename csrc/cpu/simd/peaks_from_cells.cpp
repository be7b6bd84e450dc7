#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

constexpr int kSide = 16;  // pixels of a tile on each axis

struct Interval {
  float mid, rad;
};

/// Intervals of the vertical sums of all columns: an interval weight times a value v lies within
/// centre * v +- radius * |v|.
HEATPOSE_INLINE void bound_columns(const TileScale& scale, int ty, int columns) {
  const TileAxisView& y = scale.y;
  const float *centre = y.centre + ty * y.padded_taps, *radius = y.radius + ty * y.padded_taps;
  const float* first = scale.cells + y.start[ty] * scale.stride;
  for (int x = 0; x < columns; x += kLanes) {
    VecF mid{}, rad{};
    const float* at = first + x;
    for (int k = 0; k < y.taps; ++k, at += scale.stride) {
      const VecF v = load(at);
      mid += v * centre[k];
      rad += vabs(v) * radius[k];
    }
    store(scale.mid + x, mid);
    store(scale.rad + x, rad);
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
               float* cells, float* most) {
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
  const float wide = highest_lane(largest);
  *most = wide > largest_tail ? wide : largest_tail;
  return finite && lane_bits(bad) == 0;
}

void bound_tile_row(const TileScale& scale, int ty, int tiles, float positive, float negative,
                    float* window, float* __restrict bounds) {
  const int columns = columns_of(scale);
  bound_columns(scale, ty, columns);
  VecF top{}, bottom{};
  for (int x = 0; x < columns; x += kLanes) {
    const VecF mid = load(scale.mid + x), rad = load(scale.rad + x);
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
    // What is not known to be below the threshold stays, a bound that overflowed among it.
    const VecI below = load(bounds + t) <= limit;
    for (std::uint32_t bits = lane_bits(~below); bits != 0; bits &= bits - 1) {
      const int at = t + __builtin_ctz(bits);
      if (at < tiles) found[count++] = at;
    }
  }
  return count;
}

int bound_tiles(const TileScale* scales, int count, float threshold, std::int32_t* txs, int tiles) {
  int kept = 0;
  for (int i = 0; i < tiles; ++i) {
    const int tx = txs[i];
    float high = 0.0f;
    for (int s = 0; s < count; ++s) {
      const TileAxisView& x = scales[s].x;
      const int at = x.start[tx], px = tx * x.padded_taps;
      const Interval value = bound_across(scales[s].mid + at, scales[s].rad + at, x.taps,
                                          x.centre + px, x.radius + px);
      high += value.mid + value.rad;
    }
    txs[kept] = tx;
    kept += high <= threshold ? 0 : 1;
  }
  return kept;
}

void sum_columns(const TileScale& scale, int ty, const std::int32_t* txs, int tiles) {
  const TileAxisView &y = scale.y, &x = scale.x;
  const float* first = scale.cells + y.start[ty] * scale.stride;
  const float* weights = y.weights + static_cast<std::int64_t>(ty) * y.taps * kSide;
  // Neighbouring tiles share most of their columns: each is summed once. With a wrapped border the
  // last tiles start over at the first cell.
  int done = 0, before = 0;
  for (int i = 0; i < tiles; ++i) {
    const int begin = x.start[txs[i]], end = begin + x.taps;
    if (begin < before) done = 0;
    before = begin;
    for (int c = begin > done ? begin : done; c < end; c += kLanes) {
      for (int half = 0; half < kSide; half += 8) {
        VecF sums[8] = {};
        for (int k = 0; k < y.taps; ++k) {
          const VecF row = load(first + k * scale.stride + c);
          const float* w = weights + k * kSide + half;
          for (int r = 0; r < 8; ++r) sums[r] += row * w[r];
        }
        for (int r = 0; r < 8; ++r) store(scale.sums + (half + r) * scale.stride + c, sums[r]);
      }
      done = c + kLanes;
    }
  }
}

void evaluate_tile(const TileScale* scales, int count, int tx, float* pixels) {
  constexpr int kRows = kLanes == 16 ? 8 : kLanes == 8 ? 4 : 2;  // what the registers hold
  for (int r = 0; r < kSide; r += kRows) {
    Row16 acc[kRows] = {};
    for (int s = 0; s < count; ++s) {
      const TileAxisView& x = scales[s].x;
      const std::int64_t stride = scales[s].stride;
      const float* weights = x.weights + static_cast<std::int64_t>(tx) * x.taps * kSide;
      const float* sums = scales[s].sums + r * stride + x.start[tx];
      // Each vertical sum spreads over sixteen pixels.
      for (int k = 0; k < x.taps; ++k) {
        const Row16 w = load16(weights + k * kSide);
        for (int i = 0; i < kRows; ++i) add_product(acc[i], w, sums[i * stride + k]);
      }
    }
    for (int i = 0; i < kRows; ++i) store16(pixels + (r + i) * kSide, acc[i]);
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
        const auto rival = [p](int dy, int dx) { return p[dy * kSide + dx]; };
        const bool peak = is_peak(*p, rival, threshold, connectivity, ties);
        if (peak) found[count++] = (y - 1) << 8 | (x - 1);
      }
    }
  }
  return count;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
