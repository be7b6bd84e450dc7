#pragma once

#include <cmath>

#include "common/macros.h"
#include "common/refine_rule.h"

// From the pixel of a peak to a place between pixels. value(x, y) is the smoothed map.

namespace heatpose {

struct Place {
  double x, y;
};

/// How far to each side centroid_of() reads.
constexpr int kCentroidReach = 3;

/// Centroid of the positive smoothed values in the 7x7 window around a peak, cut at the canvas.
template <typename Value>
HEATPOSE_RULE Place centroid_of(const Value& value, int x, int y, int width, int height) {
  const int top = y > kCentroidReach ? y - kCentroidReach : 0;
  const int left = x > kCentroidReach ? x - kCentroidReach : 0;
  double mass = 0, sum_x = 0, sum_y = 0;
  for (int at_y = top; at_y <= y + kCentroidReach && at_y < height; ++at_y) {
    for (int at_x = left; at_x <= x + kCentroidReach && at_x < width; ++at_x) {
      const float v = value(at_x, at_y);
      if (!(v > 0)) continue;
      mass += static_cast<double>(v);
      sum_x += static_cast<double>(v) * at_x;
      sum_y += static_cast<double>(v) * at_y;
    }
  }
  if (!(mass > 0)) return {static_cast<double>(x), static_cast<double>(y)};
  return {sum_x / mass, sum_y / mass};
}

HEATPOSE_RULE double within_one(double step) {
  return step < -1.0 ? -1.0 : step > 1.0 ? 1.0 : step;
}

/// The Newton step of DARK on the logarithm of the smoothed map, at most one pixel along each axis.
template <typename Value>
HEATPOSE_RULE Place taylor_of(const Value& value, int x, int y, int width, int height) {
  constexpr float kFloor = 1e-10f;
  Place place{static_cast<double>(x), static_cast<double>(y)};
  if (!dark_refines(x, y, width, height)) return place;
  double logs[25] = {};
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      if (!dark_reads(dx, dy)) continue;
      const float v = value(x + dx, y + dy);
      logs[(dy + 2) * 5 + dx + 2] = log(static_cast<double>(v < kFloor ? kFloor : v));
    }
  }
  Step step;
  if (dark_step(logs, &step)) {
    place.x += within_one(step.x);
    place.y += within_one(step.y);
  }
  return place;
}

}  // namespace heatpose
