#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "common/refine_rule.h"
#include "cpu/point_sampler.h"
#include "heatpose/peaks_from_cells.h"

namespace heatpose {

struct Place {
  double x, y;
};

/// Centroid of the positive smoothed values in the 7x7 window around a peak, cut at the canvas.
inline Place centroid_of(const PointSampler& smoothed, std::int64_t plane, int x, int y, int width,
                         int height) {
  double mass = 0, sum_x = 0, sum_y = 0;
  for (int at_y = std::max(0, y - 3); at_y < std::min(height, y + 4); ++at_y) {
    for (int at_x = std::max(0, x - 3); at_x < std::min(width, x + 4); ++at_x) {
      const float value = smoothed.at(plane, at_x, at_y);
      if (!(value > 0)) continue;
      mass += static_cast<double>(value);
      sum_x += static_cast<double>(value) * at_x;
      sum_y += static_cast<double>(value) * at_y;
    }
  }
  if (!(mass > 0)) return {static_cast<double>(x), static_cast<double>(y)};
  return {sum_x / mass, sum_y / mass};
}

/// The Newton step of DARK on the logarithm of the smoothed map, at most one pixel along each axis.
inline Place taylor_of(const PointSampler& smoothed, std::int64_t plane, int x, int y, int width,
                       int height) {
  constexpr float kFloor = 1e-10f;
  Place place{static_cast<double>(x), static_cast<double>(y)};
  if (!dark_refines(x, y, width, height)) return place;
  double logs[25] = {};
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      if (!dark_reads(dx, dy)) continue;
      const float value = smoothed.at(plane, x + dx, y + dy);
      logs[(dy + 2) * 5 + dx + 2] = std::log(static_cast<double>(value < kFloor ? kFloor : value));
    }
  }
  Step step;
  if (dark_step(logs, &step)) {
    place.x += std::clamp(step.x, -1.0, 1.0);
    place.y += std::clamp(step.y, -1.0, 1.0);
  }
  return place;
}

}  // namespace heatpose
