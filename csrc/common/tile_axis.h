#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/axis_operator.h"

namespace heatpose {

constexpr int kTile = 16;  ///< pixels that a tile evaluates on each axis
constexpr int kTileInner =
    kTile - 2;  ///< of which this many are its own; the rest is a frame of one

/// One axis of the canvas cut into tiles. Tile t owns pixels [14 t, 14 t + 14) and also evaluates
/// the one before and the one after. Its rows of the operator are stored densely over the union of
/// the cells they touch, so that one broadcast cell multiplies sixteen pixels; pixels outside the
/// canvas have zero weights. Beside them lies the envelope of the tile's own rows: centre and
/// radius of the weights, from which interval arithmetic bounds every pixel of the tile at once.
struct TileAxis {
  int tiles = 0, canvas = 0, cells = 0;
  int taps = 0;                       ///< cells per tile, the widest
  int padded_taps = 0;                ///< taps rounded up to 16: what the rows below are padded to
  std::vector<std::int32_t> start;    ///< [tiles] first cell
  std::vector<float> weights;         ///< [tiles, taps, 16]
  std::vector<float> centre, radius;  ///< [tiles, padded_taps]
  float positive = 0,
        negative = 0;  ///< largest sums of positive and of |negative| weights of a row
};

/// The tiles of an operator; the last few are kept.
std::shared_ptr<const TileAxis> tile_axis(const std::shared_ptr<const AxisOperator>& op);

}  // namespace heatpose
