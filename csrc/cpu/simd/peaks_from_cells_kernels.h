#pragma once

#include <cstdint>

#include "common/peak_rule.h"

namespace heatpose {

/// One axis of one scale, as the kernels see it (TileAxis without its owners).
struct TileAxisView {
  int taps, padded_taps;
  const std::int32_t* start;
  const float* weights;          // [tiles, taps, 16]
  const float *centre, *radius;  // [tiles, padded_taps]
};

/// One plane of one scale, with what is known of the tile row in hand. Every row has `stride`
/// columns, the last 16 of them there to be read past the end.
struct TileScale {
  float* cells;  // [cells + taps, stride], zeros past the map
  float* mid;    // [stride] centre and
  float* rad;    // [stride] radius of what the tile row can make of each column of cells
  float* sums;   // [16, stride] the vertical sums of the sixteen pixel rows, where they are needed
  std::int64_t stride;
  TileAxisView y, x;
};

}  // namespace heatpose

// pad_plane: copies [height, width] times `weight` into rows of `stride`; nothing is written past
//   the map. Largest |value| into *most; returns whether all cells are finite (a cell that is not
//   becomes 0).
// bound_tile_row: fills mid and rad for tile row `ty`, and adds to bounds[t] an upper bound of the
//   pixels of tile t, for all tiles. `positive` and `negative`: largest sums of positive and of
//   |negative| weights of a row of the x axis. `window`: `stride` floats.
// select_tiles: which of the bounds exceed `threshold`, into `found`; returns how many.
// bound_tiles: keeps those of the tiles `txs` whose pixels, by interval arithmetic along both
//   axes, can exceed `threshold`; returns how many.
// sum_columns: fills sums of tile row `ty` for the columns that the tiles `txs` touch.
// evaluate_tile: the 16x16 pixels of a tile of that row into `pixels`.
// find_tile_peaks: peaks among the tile's own height x width pixels; (y << 8 | x) into `found`.
#define HEATPOSE_KERNELS_PEAKS_FROM_CELLS(X)                                                     \
  X(pad_plane, bool,                                                                             \
    (const float* plane, int height, int width, float weight, std::int64_t stride, float* cells, \
     float* most))                                                                               \
  X(bound_tile_row, void,                                                                        \
    (const TileScale& scale, int ty, int tiles, float positive, float negative, float* window,   \
     float* bounds))                                                                             \
  X(select_tiles, int, (const float* bounds, int tiles, float threshold, std::int32_t* found))   \
  X(bound_tiles, int,                                                                            \
    (const TileScale* scales, int count, float threshold, std::int32_t* txs, int tiles))         \
  X(sum_columns, void, (const TileScale& scale, int ty, const std::int32_t* txs, int tiles))     \
  X(evaluate_tile, void, (const TileScale* scales, int count, int tx, float* pixels))            \
  X(find_tile_peaks, int,                                                                        \
    (const float* pixels, int height, int width, float threshold, int connectivity, Ties ties,   \
     std::int32_t* found))
