#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/tile_axis.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"
#include "heatpose/scale_maps.h"

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

 private:
  friend class TilePlane;
  std::vector<ScaleMaps> maps_;
  std::vector<std::shared_ptr<const AxisOperator>> oy_, ox_;
  std::vector<std::shared_ptr<const TileAxis>> y_, x_;
  bool slopes_ = true;
};

/// One plane of the grid: its padded cells, the bounds of its tiles and the tiles themselves.
class TilePlane {
 public:
  TilePlane(const TileGrid& grid, ScratchFrame& scratch);

  void load(std::int64_t plane);

  /// Bounds the pixels of every tile of a row, for may_exceed.
  void bound_row(int ty);
  /// Whether a pixel of tile `tx` of that row can be above `threshold`.
  bool may_exceed(int tx, float threshold) const {
    return !finite_ || bounds_[tx] + margin_ > threshold;
  }
  /// Whether a tile can hold a peak above `threshold`.
  bool may_peak(int ty, int tx, float threshold) const;

  /// The tile's 16x16 pixels: its own 14x14 from [1][1] on, and a frame of one. Zero outside the
  /// canvas; NaN where a touched cell is not finite.
  const float* evaluate(int ty, int tx);

 private:
  void mark_bad_pixels(int ty, int tx);

  const TileGrid& grid_;
  const Kernels& kernel_;
  std::int64_t plane_ = 0;
  bool finite_ = true;
  float margin_ = 0;  // rounding of bounds and pixels, in the map's units
  TileScale* scales_;
  float* low_;  // [S] what negative cells can add to a pixel
  float *bounds_, *window_, *vertical_, *pixels_;
};

}  // namespace heatpose
