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

/// What a tile may hold, decided by bounds alone.
struct TileLimits {
  float threshold;                      // no pixel above it: no peak
  float margin;                         // rounding of the bounds and of the pixels
  bool slopes;                          // slopes may be bounded at all
  bool rise_x, fall_x, rise_y, fall_y;  // a slope of that sign everywhere rules a peak out
};

}  // namespace heatpose

// pad_plane: copies [height, width] times `weight` into rows of `stride` with zeros behind, `rows`
//   rows in all, and its differences along x and y; largest |value| into *most, smallest value into
//   *least; returns whether all cells are finite (a cell that is not becomes 0).
// bound_tile_row: for the tile row at `start_y`, adds an upper bound of every pixel of tile t to
//   bounds[t]: positive * (largest cell) + low. `window` has room for `stride` floats.
// tile_may_peak: whether the tile can hold a peak, by interval arithmetic.
// evaluate_tile: the 16x16 pixels of a tile into `pixels`; `scratch`: 16 * padded_taps floats.
// find_tile_peaks: peaks among the tile's own height x width pixels; (y << 8 | x) into `found`.
#define HEATPOSE_KERNELS_PEAKS_FROM_CELLS(X)                                                   \
  X(pad_plane, bool,                                                                           \
    (const float* plane, int height, int width, float weight, int rows, std::int64_t stride,   \
     float* cells, float* step_x, float* step_y, float* most, float* least))                   \
  X(bound_tile_row, void,                                                                      \
    (const TileScale& scale, int ty, int tiles, float positive, float low, float* window,      \
     float* bounds))                                                                           \
  X(tile_may_peak, bool,                                                                       \
    (const TileScale* scales, int count, int ty, int tx, const TileLimits& limits))            \
  X(evaluate_tile, void,                                                                       \
    (const TileScale* scales, int count, int ty, int tx, float* scratch, float* pixels))       \
  X(find_tile_peaks, int,                                                                      \
    (const float* pixels, int height, int width, float threshold, int connectivity, Ties ties, \
     std::int32_t* found))
