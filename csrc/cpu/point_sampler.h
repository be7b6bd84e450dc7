#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "common/scale_maps.h"

namespace heatpose {

/// Values of an averaged map at single pixels, through the few cells that each touches.
class PointSampler {
 public:
  PointSampler(const std::vector<ScaleMaps>& scales, const std::vector<double>& taps,
               Border border) {
    for (const ScaleMaps& scale : scales) {
      scales_.push_back({scale.floats(), scale.weight, axis_operator(scale.y, taps, border),
                         axis_operator(scale.x, taps, border)});
    }
  }

  /// The value of plane `plane` at pixel (x, y) of the canvas; NaN where a touched cell is.
  float at(std::int64_t plane, int x, int y) const {
    float sum = 0.0f;
    for (const Scale& s : scales_) {
      const AxisOperator &oy = *s.y, &ox = *s.x;
      const float* cells = s.cells + plane * oy.cells * ox.cells;
      const float* wy = oy.weights.data() + static_cast<std::int64_t>(y) * oy.taps;
      const float* wx = ox.weights.data() + static_cast<std::int64_t>(x) * ox.taps;
      const int y0 = oy.start[static_cast<std::size_t>(y)];
      const int x0 = ox.start[static_cast<std::size_t>(x)];
      const int x_first = ox.first[static_cast<std::size_t>(x)];
      const int x_last = ox.last[static_cast<std::size_t>(x)];
      float value = 0.0f;
      for (int r = oy.first[static_cast<std::size_t>(y)]; r <= oy.last[static_cast<std::size_t>(y)];
           ++r) {
        const float* row = cells + static_cast<std::int64_t>(r) * ox.cells;
        float across = 0.0f;
        for (int c = x_first; c <= x_last; ++c) across += wx[c - x0] * row[c];
        value += wy[r - y0] * across;
      }
      sum += s.weight * value;
    }
    // An infinite cell is no more a value than NaN is.
    return std::isfinite(sum) ? sum : std::numeric_limits<float>::quiet_NaN();
  }

 private:
  struct Scale {
    const float* cells;
    float weight;
    std::shared_ptr<const AxisOperator> y, x;
  };
  std::vector<Scale> scales_;
};

}  // namespace heatpose
