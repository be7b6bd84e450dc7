#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/scale_maps.h"
#include "common/tile_axis.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {

/// The canvas as tiles, for one stack of maps and one smoothing: what all its planes share.
class TileGrid {
 public:
  TileGrid(const std::vector<ScaleMaps>& scales, const std::vector<double>& taps, Border border);

  int rows() const { return y_[0]->tiles; }
  int columns() const { return x_[0]->tiles; }
  int height() const { return y_[0]->canvas; }
  int width() const { return x_[0]->canvas; }
  int scales() const { return static_cast<int>(y_.size()); }
  const ScaleMaps& maps(int s) const { return maps_[static_cast<std::size_t>(s)]; }
  const AxisOperator& operator_y(int s) const { return *oy_[static_cast<std::size_t>(s)]; }
  const AxisOperator& operator_x(int s) const { return *ox_[static_cast<std::size_t>(s)]; }
  const TileAxis& tile_y(int s) const { return *y_[static_cast<std::size_t>(s)]; }
  const TileAxis& tile_x(int s) const { return *x_[static_cast<std::size_t>(s)]; }

 private:
  friend class TilePlane;
  std::vector<ScaleMaps> maps_;
  std::vector<std::shared_ptr<const AxisOperator>> oy_, ox_;
  std::vector<std::shared_ptr<const TileAxis>> y_, x_;
};

/// One plane of the grid: its padded cells, the bounds of its tiles and the tiles themselves.
class TilePlane {
 public:
  TilePlane(const TileGrid& grid, ScratchFrame& scratch);

  void load(std::int64_t plane);

  /// The tiles of row `ty` that may hold a pixel above `threshold`, into `txs` (room for
  /// columns()); returns how many.
  int select(int ty, float threshold, std::int32_t* txs);
  /// Makes those tiles ready for evaluate; `txs` ascending.
  void prepare(int ty, const std::int32_t* txs, int tiles);
  /// The 16x16 pixels of a tile that is ready: its own 14x14 from [1][1] on, and a frame of one.
  /// Zero outside the canvas; NaN where a touched cell is not finite.
  const float* evaluate(int ty, int tx);

 private:
  void mark_bad_pixels(int ty, int tx);

  const TileGrid& grid_;
  const Kernels& kernel_;
  std::int64_t plane_ = 0;
  bool finite_ = true;
  float margin_ = 0;  // rounding of bounds and pixels, in the map's units
  TileScale* scales_;
  float *bounds_, *window_, *pixels_;
};

}  // namespace heatpose
