#pragma once

// Tiles of the canvas (common/tile_axis.h) as kernels use them: a block rules out the tiles of a
// tile row that hold no pixel above a threshold, and its warps evaluate the others, one at a time.
// The same as cpu/tile_plane.h, but that each tile sums its own columns of cells: few tiles
// survive, and warps need not wait for one another.

#include <cmath>
#include <cstdint>

#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"

namespace heatpose {

/// Threads of a block that works on a tile row, at most.
constexpr int kTileThreads = 128;
/// Pixels of a tile that each lane holds: those of column lane % 16 in rows 8 * (lane / 16) + i.
constexpr int kTileLane = 8;

/// Shared memory of a warp that evaluates tiles. Between two tiles it is free for other use.
struct alignas(16) TileScratch {
  float cells[kTile][kTile];
  /// [column of cells][row of pixels], padded so that the halves of a warp meet different banks.
  float sums[kTile][kTile + 4];
};

HEATPOSE_DEVICE int lesser(int a, int b) { return a < b ? a : b; }
HEATPOSE_DEVICE bool is_finite(float value) { return value - value == 0.0f; }

/// sums[i] += weight * from[i]
HEATPOSE_DEVICE void add_products(float weight, const float* from, float* sums) {
  const Float4 v = *reinterpret_cast<const Float4*>(from);
  sums[0] = multiply_add(weight, v.x, sums[0]);
  sums[1] = multiply_add(weight, v.y, sums[1]);
  sums[2] = multiply_add(weight, v.z, sums[2]);
  sums[3] = multiply_add(weight, v.w, sums[3]);
}

/// Which of the lane's pixels of tile (ty, tx) touch a cell that is not finite, as bits.
template <typename Cell>
HEATPOSE_DEVICE std::uint32_t bad_pixels(const DeviceScales<Cell>& set, std::int64_t image,
                                         std::int64_t channel, int ty, int tx) {
  const int x = tx * kTileInner - 1 + lane_index() % kTile;
  std::uint32_t bad = 0;
  for (int s = 0; s < set.count; ++s) {
    const DeviceScale<Cell>& scale = set.scales[s];
    const DevicePlane<Cell> plane = scale.plane(image, channel);
    if (x < 0 || x >= scale.x.rows) continue;
    const int x_first = scale.x.first(x), x_last = scale.x.last(x);
    for (int i = 0; i < kTileLane; ++i) {
      const int y = ty * kTileInner - 1 + kTileLane * (lane_index() / kTile) + i;
      if (y < 0 || y >= scale.y.rows) continue;
      const int y_last = scale.y.last(y);
      for (int r = scale.y.first(y); r <= y_last; ++r) {
        for (int c = x_first; c <= x_last; ++c) {
          if (!is_finite(plane.at(r, c))) bad |= 1u << i;
        }
      }
    }
  }
  return bad;
}

/// Warp: the 16x16 pixels of tile (ty, tx): its own 14x14 from [1][1] on, and a frame of one. Zero
/// outside the canvas; NaN where a touched cell is not finite. A pixel has the same bits in every
/// tile that holds it: the products of its own weights, in the order of the cells, and zeros.
///
/// Cells are staged 16 x 16 at a time, summed down the columns, and each sum is spread over the
/// sixteen pixels of its row, so any number of taps works.
template <typename Cell>
HEATPOSE_DEVICE void evaluate_tile(const DeviceScales<Cell>& set, std::int64_t image,
                                   std::int64_t channel, int ty, int tx, TileScratch& scratch,
                                   float (&pixels)[kTileLane]) {
  const int at = lane_index() % kTile, half = lane_index() / kTile;
  bool bad = false;
  HEATPOSE_UNROLL
  for (int i = 0; i < kTileLane; ++i) pixels[i] = 0.0f;
  for (int s = 0; s < set.count; ++s) {
    const DeviceScale<Cell>& scale = set.scales[s];
    const DevicePlane<Cell> plane = scale.plane(image, channel);
    const int y0 = scale.tiles_y.start(ty), x0 = scale.tiles_x.start(tx);
    // The last tiles touch fewer cells than the widest does.
    const int rows = lesser(scale.tiles_y.taps, scale.y.cells - y0);
    const int columns = lesser(scale.tiles_x.taps, scale.x.cells - x0);
    const float* wy = scale.tiles_y.weights(ty) + at;
    const float* wx = scale.tiles_x.weights(tx) + at;
    for (int c0 = 0; c0 < columns; c0 += kTile) {
      const int wide = lesser(kTile, columns - c0);
      float near[4] = {}, far[4] = {};  // of columns 4 * half and 8 + 4 * half, for pixel row `at`
      for (int r0 = 0; r0 < rows; r0 += kTile) {
        const int high = lesser(kTile, rows - r0);
        sync_warp();  // what was staged before has been read
        const Cell* from = plane.cells + (y0 + r0 + half) * plane.row_stride +
                           (x0 + c0 + at) * plane.column_stride;
        for (int r = half; r < high; r += 2, from += 2 * plane.row_stride) {
          float value = 0.0f;
          if (at < wide) {
            const float cell = to_float(*from);
            bad = bad || !is_finite(cell);
            value = cell * scale.weight;
            if (!is_finite(value)) value = 0.0f;
          }
          scratch.cells[r][at] = value;
        }
        sync_warp();
        for (int r = 0; r < high; ++r) {
          const float w = wy[(r0 + r) * kTile];
          add_products(w, &scratch.cells[r][4 * half], near);
          if (wide > 8) add_products(w, &scratch.cells[r][8 + 4 * half], far);
        }
      }
      HEATPOSE_UNROLL
      for (int j = 0; j < 4; ++j) {
        scratch.sums[4 * half + j][at] = near[j];
        scratch.sums[8 + 4 * half + j][at] = far[j];
      }
      sync_warp();
      for (int c = 0; c < wide; ++c) {
        const float w = wx[(c0 + c) * kTile];
        add_products(w, &scratch.sums[c][kTileLane * half], pixels);
        add_products(w, &scratch.sums[c][kTileLane * half + 4], pixels + 4);
      }
    }
  }
  if (warp_ballot(bad) != 0) {
    const std::uint32_t marked = bad_pixels(set, image, channel, ty, tx);
    HEATPOSE_UNROLL
    for (int i = 0; i < kTileLane; ++i) {
      if ((marked >> i & 1u) != 0) pixels[i] = NAN;
    }
  }
}

/// What a tile row can make of each column of cells of each scale: mid +- radius.
struct ColumnBounds {
  float *mid, *radius;  // in shared memory; null where the columns do not fit
};

/// Host and device: columns of cells of all scales.
template <typename Cell>
HEATPOSE_METHOD inline std::int64_t columns_of(const DeviceScales<Cell>& set) {
  std::int64_t columns = 0;
  for (int s = 0; s < set.count; ++s) columns += set.scales[s].x.cells;
  return columns;
}

/// Host: dynamic shared memory for ColumnBounds, in a kernel that has `taken` bytes of its own; 0
/// where it does not fit, which rules no tile out.
template <typename Cell>
std::size_t column_bounds_bytes(const DeviceScales<Cell>& set, std::size_t taken) {
  const std::size_t bytes = 2 * sizeof(float) * static_cast<std::size_t>(columns_of(set));
  return bytes <= kMostShared - taken ? bytes : 0;
}

/// The share of a sum's size by which rounding may move it, with room.
HEATPOSE_DEVICE float rounding_slack(int taps) {
  return 1e-5f + 2.5e-7f * static_cast<float>(taps);
}

/// Block: fills the bounds of tile row `ty`. An interval weight times a value v lies within
/// centre * v +- radius * |v|. Where a cell is not finite, or sums of it might not be, nothing is
/// known.
template <typename Cell>
HEATPOSE_DEVICE void bound_columns(const DeviceScales<Cell>& set, std::int64_t image,
                                   std::int64_t channel, int ty, ColumnBounds bounds) {
  const int columns = static_cast<int>(columns_of(set));
  for (int i = thread_index(); i < columns; i += block_threads()) {
    int s = 0, column = i;
    while (column >= set.scales[s].x.cells) column -= set.scales[s++].x.cells;
    const DeviceScale<Cell>& scale = set.scales[s];
    const DevicePlane<Cell> plane = scale.plane(image, channel);
    const DeviceTiles& tiles = scale.tiles_y;
    const int first = tiles.start(ty), rows = lesser(tiles.taps, scale.y.cells - first);
    const float *centre = tiles.centres() + ty, *half = tiles.radii() + ty;
    const Cell* from = plane.cells + first * plane.row_stride + column * plane.column_stride;
    float mid = 0.0f, radius = 0.0f, size = 0.0f;
    bool known = true;
    for (int k = 0; k < rows; ++k) {
      const float v = to_float(*from) * scale.weight, magnitude = fabsf(v);
      const float c = *centre, r = *half;
      from += plane.row_stride;
      centre += tiles.tiles;
      half += tiles.tiles;
      known = known && magnitude < 1e30f;
      mid = multiply_add(c, v, mid);
      radius = multiply_add(r, magnitude, radius);
      size = multiply_add(fabsf(c) + r, magnitude, size);
    }
    // The slack of both directions at once: across, it is a share of what the column may be.
    radius = multiply_add(rounding_slack(rows), size, radius);
    radius = multiply_add(rounding_slack(scale.tiles_x.taps), fabsf(mid) + radius, radius);
    bounds.mid[i] = known ? mid : 0.0f;
    bounds.radius[i] = known ? radius : HUGE_VALF;
  }
}

/// Whether a pixel of tile `tx` may be above `threshold`.
template <typename Cell>
HEATPOSE_DEVICE bool may_exceed(const DeviceScales<Cell>& set, int tx, ColumnBounds bounds,
                                float threshold) {
  float highest = 0.0f;
  for (int s = 0; s < set.count; ++s) {
    const DeviceTiles& tiles = set.scales[s].tiles_x;
    const int cells = set.scales[s].x.cells;
    const int first = tiles.start(tx), columns = lesser(tiles.taps, cells - first);
    const float *centre = tiles.centres() + tx, *half = tiles.radii() + tx;
    float mid = 0.0f, radius = 0.0f;
    for (int k = 0; k < columns; ++k) {
      const float c = *centre, r = *half;
      centre += tiles.tiles;
      half += tiles.tiles;
      const float column = bounds.mid[first + k];
      mid = multiply_add(c, column, mid);
      radius = multiply_add(fabsf(c) + r, bounds.radius[first + k], radius);
      radius = multiply_add(r, fabsf(column), radius);
    }
    highest += mid + radius;
    bounds.mid += cells;
    bounds.radius += cells;
  }
  return !(highest <= threshold);  // what is not a number rules nothing out
}

/// Block: calls body(tx), by whole warps, for the tiles of row `ty` that may hold a pixel above
/// `threshold`, in any order. All threads of the block take part, at most kTileThreads.
/// `columns`: column_bounds_bytes() of shared memory, null for none.
template <typename Cell, typename Body>
HEATPOSE_DEVICE void for_tiles_above(const DeviceScales<Cell>& set, std::int64_t image,
                                     std::int64_t channel, int ty, float threshold, float* columns,
                                     Body body) {
  HEATPOSE_SHARED int left[kTileThreads];
  HEATPOSE_SHARED int count;
  const ColumnBounds bounds{columns, columns + (columns != nullptr ? columns_of(set) : 0)};
  if (columns != nullptr) bound_columns(set, image, channel, ty, bounds);
  const int tiles = set.scales[0].tiles_x.tiles;
  for (int begin = 0; begin < tiles; begin += block_threads()) {
    if (thread_index() == 0) count = 0;
    sync_block();
    const int tx = begin + thread_index();
    const bool stays = tx < tiles && (columns == nullptr || may_exceed(set, tx, bounds, threshold));
    const std::uint32_t ballot = warp_ballot(stays);
    const int rank = warp_rank(ballot);
    int at = 0;
    if (ballot != 0 && lane_index() == kWarp - 1) at = atomic_add(&count, rank + (stays ? 1 : 0));
    at = shuffle(at, kWarp - 1) + rank;
    if (stays) left[at] = tx;
    sync_block();
    for (int i = warp_index(); i < count; i += block_threads() / kWarp) body(left[i]);
    sync_block();  // the list has been read
  }
}

}  // namespace heatpose
