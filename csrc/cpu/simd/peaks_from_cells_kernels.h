#pragma once

#include <cstdint>

#include "common/peak_rule.h"

namespace heatpose {

/// One axis of one scale, as the kernels see it (TileAxis without its owners).
struct TileAxisView {
  int taps, padded_taps;
  const std::int32_t* start;
  const float* weights;                                        // [tiles, taps, 16]
  const float *centre, *radius, *slope_centre, *slope_radius;  // [tiles, padded_taps]
};

/// One plane of one scale: its cells, and their differences along x and y, each padded with zeros
/// so that any tile can be read whole.
struct TileScale {
  const float *cells, *step_x, *step_y;  // [rows, stride]
  std::int64_t stride;
  TileAxisView y, x;
};

/// Intervals of the vertical sums of one tile row: for every column of cells, what the rows of the
/// tile can make of it. [scales][columns], value and both slopes.
struct TileRowBounds {
  float *mid, *rad;      // of the values
  float *mid_x, *rad_x;  // of the steps along x, under the row's value weights
  float *mid_y, *rad_y;  // of the steps along y, under the row's slope weights
};

/// What rules a peak out.
struct TileLimits {
  float threshold;  // no pixel above it
  float margin;     // rounding of the bounds and of the pixels
  // Whether a slope of that sign all over the tile row does: not where its last, or first, pixels
  // have no neighbour to rise, or fall, to.
  bool rise_y, fall_y;
};

}  // namespace heatpose

// pad_plane: copies [height, width] times `weight` into rows of `stride`, and its differences along
//   x and y; nothing is written past the map. Largest |value| into *most; returns whether all cells
//   are finite (a cell that is not becomes 0).
// bound_tile_row: fills row.mid and row.rad for tile row `ty` over all columns, and adds to
//   bounds[t] an upper bound of every pixel of tile t, for all tiles. `negative`: largest sum of a
//   row's negative weights along x, `positive` of its positive ones. `window`: `stride` floats.
// select_tiles: which of the bounds exceed `threshold`, into `found`; returns how many.
// bound_tile_value: keeps those of the tiles `txs` whose pixels, by interval arithmetic along both
//   axes, can exceed limits.threshold; returns how many.
// bound_tile_slopes: keeps those of the tiles whose slopes do not rule a peak out. `last_tile`: the
//   last of the canvas, whose last pixels have no neighbour on the right.
// evaluate_tile: the 16x16 pixels of a tile into `pixels`; `scratch`: 16 * padded_taps floats.
// find_tile_peaks: peaks among the tile's own height x width pixels; (y << 8 | x) into `found`.
#define HEATPOSE_KERNELS_PEAKS_FROM_CELLS(X)                                                     \
  X(pad_plane, bool,                                                                             \
    (const float* plane, int height, int width, float weight, std::int64_t stride, float* cells, \
     float* step_x, float* step_y, float* most))                                                 \
  X(bound_tile_row, void,                                                                        \
    (const TileScale& scale, int ty, int tiles, float positive, float negative,                  \
     const TileRowBounds& row, float* window, float* bounds))                                    \
  X(select_tiles, int, (const float* bounds, int tiles, float threshold, std::int32_t* found))   \
  X(bound_tile_value, int,                                                                       \
    (const TileScale* scales, const TileRowBounds* rows, int count, const TileLimits& limits,    \
     std::int32_t* txs, int tiles))                                                              \
  X(bound_tile_slopes, int,                                                                      \
    (const TileScale* scales, const TileRowBounds* rows, int count, int ty,                      \
     const TileLimits& limits, int last_tile, std::int32_t* txs, int tiles))                     \
  X(evaluate_tile, void,                                                                         \
    (const TileScale* scales, int count, int ty, int tx, float* scratch, float* pixels))         \
  X(find_tile_peaks, int,                                                                        \
    (const float* pixels, int height, int width, float threshold, int connectivity, Ties ties,   \
     std::int32_t* found))
