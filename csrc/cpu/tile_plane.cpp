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
  }
}

TilePlane::TilePlane(const TileGrid& grid, ScratchFrame& scratch)
    : grid_(grid), kernel_(kernels()) {
  const int count = grid.scales();
  scales_ = scratch.take<TileScale>(count);
  std::int64_t widest = 0;
  const auto view = [](const TileAxis& axis) {
    return TileAxisView{axis.taps,           axis.padded_taps,   axis.start.data(),
                        axis.weights.data(), axis.centre.data(), axis.radius.data()};
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
    scales_[s] = {zeros(stride * (y.cells + y.taps)),
                  zeros(stride),
                  zeros(stride),
                  zeros(stride * kTile),
                  stride,
                  view(y),
                  view(x)};
    widest = std::max(widest, stride);
  }
  bounds_ = zeros(grid.columns() + 16);
  window_ = zeros(widest);
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
    const bool finite =
        kernel_.pad_plane(grid_.maps(s).floats() + plane * height * width, height, width,
                          grid_.maps(s).weight, scale.stride, scale.cells, &most);
    // Sums of larger cells could overflow, and bounds with them.
    finite_ = finite_ && finite && most < 1e30f;
    margin_ += 1e-5f * most;
  }
}

int TilePlane::select(int ty, float threshold, std::int32_t* txs) {
  const int tiles = grid_.columns(), count = grid_.scales();
  if (!finite_) {  // bounds say nothing about cells that are not finite
    for (int tx = 0; tx < tiles; ++tx) txs[tx] = tx;
    return tiles;
  }
  std::memset(bounds_, 0, sizeof(float) * static_cast<std::size_t>(tiles));
  for (int s = 0; s < count; ++s) {
    kernel_.bound_tile_row(scales_[s], ty, tiles, grid_.tile_x(s).positive,
                           grid_.tile_x(s).negative, window_, bounds_);
  }
  const int left = kernel_.select_tiles(bounds_, tiles, threshold - margin_, txs);
  return left == 0 ? 0 : kernel_.bound_tiles(scales_, count, threshold - margin_, txs, left);
}

void TilePlane::prepare(int ty, const std::int32_t* txs, int tiles) {
  for (int s = 0; s < grid_.scales(); ++s) kernel_.sum_columns(scales_[s], ty, txs, tiles);
}

const float* TilePlane::evaluate(int ty, int tx) {
  kernel_.evaluate_tile(scales_, grid_.scales(), tx, pixels_ + kTile);
  if (!finite_) mark_bad_pixels(ty, tx);
  return pixels_ + kTile;
}

void TilePlane::mark_bad_pixels(int ty, int tx) {
  float* pixels = pixels_ + kTile;
  for (int s = 0; s < grid_.scales(); ++s) {
    const AxisOperator& oy = grid_.operator_y(s);
    const AxisOperator& ox = grid_.operator_x(s);
    const float* cells = grid_.maps(s).floats() + plane_ * oy.cells * ox.cells;
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
