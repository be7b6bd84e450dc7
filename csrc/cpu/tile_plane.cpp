#include "cpu/tile_plane.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace heatpose {

TileGrid::TileGrid(const std::vector<ScaleMaps>& scales, const std::vector<double>& taps,
                   Border border)
    : maps_(scales) {
  for (const ScaleMaps& scale : scales) {
    oy_.push_back(axis_operator(scale.y, taps, border));
    ox_.push_back(axis_operator(scale.x, taps, border));
    y_.push_back(tile_axis(oy_.back()));
    x_.push_back(tile_axis(ox_.back()));
    slopes_ = slopes_ && y_.back()->slopes && x_.back()->slopes;
  }
}

TilePlane::TilePlane(const TileGrid& grid, ScratchFrame& scratch)
    : grid_(grid), kernel_(kernels()) {
  const int count = grid.scales();
  scales_ = scratch.take<TileScale>(count);
  rows_ = scratch.take<TileRowBounds>(count);
  std::int64_t widest = 0;
  int padded_taps = 16;
  const auto view = [](const TileAxis& axis) {
    return TileAxisView{
        axis.taps,          axis.padded_taps,   axis.start.data(),        axis.weights.data(),
        axis.centre.data(), axis.radius.data(), axis.slope_centre.data(), axis.slope_radius.data()};
  };
  const auto zeros = [&](std::int64_t size) {
    float* values = scratch.take<float>(size);
    std::memset(values, 0, sizeof(float) * static_cast<std::size_t>(size));
    return values;
  };
  for (int s = 0; s < count; ++s) {
    const TileAxis& y = grid.tile_y(s);
    const TileAxis& x = grid.tile_x(s);
    // A tile may start at the last cell; the 16 columns behind are what vectors may read.
    const std::int64_t stride = (x.cells + x.padded_taps + 15) / 16 * 16 + 16;
    const std::int64_t size = stride * (y.cells + y.taps);
    scales_[s] = {zeros(size), zeros(size), zeros(size), stride, view(y), view(x)};
    rows_[s] = {zeros(stride), zeros(stride), zeros(stride),
                zeros(stride), zeros(stride), zeros(stride)};
    widest = std::max(widest, stride);
    padded_taps = std::max(padded_taps, x.padded_taps);
  }
  bounds_ = zeros(grid.columns() + 16);
  window_ = zeros(widest);
  vertical_ = scratch.take<float>(kTile * padded_taps);
  pixels_ = zeros(kTile * kTile + 2 * kTile);
}

void TilePlane::load(std::int64_t plane) {
  plane_ = plane;
  finite_ = true;
  margin_ = 0;
  for (int s = 0; s < grid_.scales(); ++s) {
    const TileScale& scale = scales_[s];
    const int height = grid_.tile_y(s).cells, width = grid_.tile_x(s).cells;
    float most = 0;
    const bool finite = kernel_.pad_plane(
        grid_.maps(s).cells + plane * height * width, height, width, grid_.maps(s).weight,
        scale.stride, const_cast<float*>(scale.cells), const_cast<float*>(scale.step_x),
        const_cast<float*>(scale.step_y), &most);
    finite_ = finite_ && finite;
    margin_ += 1e-5f * most;
  }
}

int TilePlane::select(int ty, float threshold, bool peaks, std::int32_t* txs) {
  const int tiles = grid_.columns(), count = grid_.scales();
  if (!finite_) {  // bounds say nothing about cells that are not finite
    for (int tx = 0; tx < tiles; ++tx) txs[tx] = tx;
    return tiles;
  }
  std::memset(bounds_, 0, sizeof(float) * static_cast<std::size_t>(tiles));
  for (int s = 0; s < count; ++s) {
    kernel_.bound_tile_row(scales_[s], ty, tiles, grid_.tile_x(s).positive,
                           grid_.tile_x(s).negative, rows_[s], window_, bounds_);
  }
  int left = kernel_.select_tiles(bounds_, tiles, threshold - margin_, txs);
  if (left == 0) return 0;
  TileLimits limits;
  limits.threshold = threshold;
  limits.margin = margin_;
  limits.rise_y = (ty + 1) * kTileInner < grid_.height();
  limits.fall_y = ty > 0;
  left = kernel_.bound_tile_value(scales_, rows_, count, limits, txs, left);
  if (left == 0 || !peaks || !grid_.slopes_) return left;
  return kernel_.bound_tile_slopes(scales_, rows_, count, ty, limits, tiles - 1, txs, left);
}

const float* TilePlane::evaluate(int ty, int tx) {
  kernel_.evaluate_tile(scales_, grid_.scales(), ty, tx, vertical_, pixels_ + kTile);
  if (!finite_) mark_bad_pixels(ty, tx);
  return pixels_ + kTile;
}

void TilePlane::mark_bad_pixels(int ty, int tx) {
  float* pixels = pixels_ + kTile;
  for (int s = 0; s < grid_.scales(); ++s) {
    const AxisOperator& oy = grid_.operator_y(s);
    const AxisOperator& ox = grid_.operator_x(s);
    const float* cells = grid_.maps(s).cells + plane_ * oy.cells * ox.cells;
    for (int r = 0; r < kTile; ++r) {
      const int y = ty * kTileInner - 1 + r;
      if (y < 0 || y >= oy.rows) continue;
      for (int c = 0; c < kTile; ++c) {
        const int x = tx * kTileInner - 1 + c;
        if (x < 0 || x >= ox.rows) continue;
        for (int cy = oy.first[static_cast<std::size_t>(y)];
             cy <= oy.last[static_cast<std::size_t>(y)]; ++cy) {
          for (int cx = ox.first[static_cast<std::size_t>(x)];
               cx <= ox.last[static_cast<std::size_t>(x)]; ++cx) {
            if (!std::isfinite(cells[static_cast<std::int64_t>(cy) * ox.cells + cx])) {
              pixels[r * kTile + c] = std::numeric_limits<float>::quiet_NaN();
            }
          }
        }
      }
    }
  }
}

}  // namespace heatpose
