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
  low_ = scratch.take<float>(count);
  std::int64_t widest = 0;
  int padded_taps = 16;
  const auto view = [](const TileAxis& axis) {
    return TileAxisView{
        axis.taps,          axis.padded_taps,   axis.start.data(),        axis.weights.data(),
        axis.centre.data(), axis.radius.data(), axis.slope_centre.data(), axis.slope_radius.data()};
  };
  for (int s = 0; s < count; ++s) {
    const TileAxis &y = *grid.y_[static_cast<std::size_t>(s)],
                   &x = *grid.x_[static_cast<std::size_t>(s)];
    // A tile may start at the last cell; the 16 columns behind are what vectors may read.
    const std::int64_t stride = (x.cells + x.padded_taps + 15) / 16 * 16 + 16;
    const std::int64_t size = stride * (y.cells + y.taps);
    scales_[s] = {scratch.take<float>(size),
                  scratch.take<float>(size),
                  scratch.take<float>(size),
                  stride,
                  view(y),
                  view(x)};
    widest = std::max(widest, stride);
    padded_taps = std::max(padded_taps, x.padded_taps);
  }
  bounds_ = scratch.take<float>(grid.columns());
  window_ = scratch.take<float>(widest);
  vertical_ = scratch.take<float>(kTile * padded_taps);
  pixels_ = scratch.take<float>(kTile * kTile + 2 * kTile);
}

void TilePlane::load(std::int64_t plane) {
  plane_ = plane;
  finite_ = true;
  margin_ = 0;
  for (int s = 0; s < grid_.scales(); ++s) {
    const TileAxis &y = *grid_.y_[static_cast<std::size_t>(s)],
                   &x = *grid_.x_[static_cast<std::size_t>(s)];
    const ScaleMaps& maps = grid_.maps_[static_cast<std::size_t>(s)];
    const TileScale& scale = scales_[s];
    const float* cells = maps.cells + plane * y.cells * x.cells;
    float most = 0, least = 0;
    const bool finite =
        kernel_.pad_plane(cells, y.cells, x.cells, maps.weight, y.cells + y.taps, scale.stride,
                          const_cast<float*>(scale.cells), const_cast<float*>(scale.step_x),
                          const_cast<float*>(scale.step_y), &most, &least);
    finite_ = finite_ && finite;
    // A pixel gets at most `most` times the positive weights, and as much again from negative cells
    // under negative weights.
    low_[s] = -least * (y.positive * x.negative + y.negative * x.positive);
    margin_ += 1e-5f * most;
  }
}

void TilePlane::bound_row(int ty) {
  std::memset(bounds_, 0, sizeof(float) * static_cast<std::size_t>(grid_.columns()));
  for (int s = 0; s < grid_.scales(); ++s) {
    const TileAxis &y = *grid_.y_[static_cast<std::size_t>(s)],
                   &x = *grid_.x_[static_cast<std::size_t>(s)];
    const float positive = y.positive * x.positive + y.negative * x.negative;
    kernel_.bound_tile_row(scales_[s], ty, grid_.columns(), positive, low_[s], window_, bounds_);
  }
}

bool TilePlane::may_peak(int ty, int tx, float threshold) const {
  if (!finite_) return true;  // bounds say nothing about cells that are not finite
  TileLimits limits;
  limits.threshold = threshold;
  limits.margin = margin_;
  limits.slopes = grid_.slopes_;
  // Rising everywhere rules a peak out only where every own pixel has a neighbour to rise to.
  limits.rise_x = (tx + 1) * kTileInner < grid_.width();
  limits.fall_x = tx > 0;
  limits.rise_y = (ty + 1) * kTileInner < grid_.height();
  limits.fall_y = ty > 0;
  return kernel_.tile_may_peak(scales_, grid_.scales(), ty, tx, limits);
}

const float* TilePlane::evaluate(int ty, int tx) {
  kernel_.evaluate_tile(scales_, grid_.scales(), ty, tx, vertical_, pixels_ + kTile);
  if (!finite_) mark_bad_pixels(ty, tx);
  return pixels_ + kTile;
}

void TilePlane::mark_bad_pixels(int ty, int tx) {
  float* pixels = pixels_ + kTile;
  for (int s = 0; s < grid_.scales(); ++s) {
    const AxisOperator &oy = *grid_.oy_[static_cast<std::size_t>(s)],
                       &ox = *grid_.ox_[static_cast<std::size_t>(s)];
    const float* cells =
        grid_.maps_[static_cast<std::size_t>(s)].cells + plane_ * oy.cells * ox.cells;
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
