#pragma once

#include <cmath>
#include <cstdint>

#include "common/macros.h"

// The cubic resize of a photo, OpenCV's (a = -0.75, clamped border). Compiled without fused
// multiply-adds: a sum that falls on the other side of one half would be another grey level, so
// every backend and every vector unit adds up the same bits.

namespace heatpose {

/// Pixel i of the content along one axis: the sum of weights[k] times photo pixel base - 1 + k,
/// clamped into the photo.
struct CubicTaps {
  std::int32_t base;
  float weights[4];
};

/// `from`: photo pixels along the axis. `step`: of them per content pixel, positive and finite.
HEATPOSE_RULE CubicTaps cubic_taps(int i, int from, double step) {
  constexpr double a = -0.75;
  const double source = (i + 0.5) * step - 0.5;
  const double whole = floor(source);
  const double x = source - whole, y = 1 - x;
  const double outer = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
  const double left = ((a + 2) * x - (a + 3)) * x * x + 1;
  const double right = ((a + 2) * y - (a + 3)) * y * y + 1;
  // From base == from on, all four taps are the last pixel.
  const double base = whole < -1.0 ? -1.0 : whole < from ? whole : from;
  return {static_cast<std::int32_t>(base),
          {static_cast<float>(outer), static_cast<float>(left), static_cast<float>(right),
           static_cast<float>(1 - outer - left - right)}};
}

/// Photo pixel of tap k.
HEATPOSE_RULE int cubic_source(std::int32_t base, int k, int from) {
  const int at = base - 1 + k;
  return at < 0 ? 0 : at < from ? at : from - 1;
}

HEATPOSE_RULE float cubic_sum(float v0, float v1, float v2, float v3, float w0, float w1, float w2,
                              float w3) {
  return v0 * w0 + v1 * w1 + v2 * w2 + v3 * w3;
}

/// Adding and subtracting this, 1.5 * 2^23, leaves no bits for a fraction: rounds half to even.
constexpr float kRound = 12582912.0f;

/// Clamped to 0..255 and rounded half to even.
HEATPOSE_RULE float grey_level(float value) {
  const float low = value > 0.0f ? value : 0.0f;
  return ((low < 255.0f ? low : 255.0f) + kRound) - kRound;
}

}  // namespace heatpose
