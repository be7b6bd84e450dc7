#pragma once

#include <cstdint>

#include "common/macros.h"

// Where a crop's pixel lies in the photo, and what is there. Compiled without fused multiply-adds,
// so that every backend and every vector unit comes to the same bits.

namespace heatpose {

/// Entries of a matrix are clamped to this: far outside any photo, and far from infinity when
/// multiplied by a size.
constexpr double kFarAway = 1e200;

/// One coordinate along a crop row.
struct CropLine {
  double step, base;
};

/// Row y of a crop, one coordinate: `row` is three entries of its matrix.
HEATPOSE_RULE CropLine crop_line(const double* row, int y) { return {row[0], row[1] * y + row[2]}; }

/// Rounds monotonically in x.
HEATPOSE_RULE double place_on(const CropLine& line, int x) { return line.base + line.step * x; }

/// Whether all four pixels around a place are the photo's.
HEATPOSE_RULE bool inside_photo(double x, double y, int height, int width) {
  return x >= 0 && x < width - 1 && y >= 0 && y < height - 1;
}

/// One channel between four pixels.
HEATPOSE_RULE float between(float above_left, float above_right, float below_left,
                            float below_right, float fx, float fy) {
  const float above = above_left + (above_right - above_left) * fx;
  const float below = below_left + (below_right - below_left) * fx;
  return above + (below - above) * fy;
}

/// The three channels at a place with all four pixels inside the photo.
HEATPOSE_RULE void levels_inside(const std::uint8_t* image, int width, double x, double y,
                                 float* levels) {
  const int x0 = static_cast<int>(x), y0 = static_cast<int>(y);
  const float fx = static_cast<float>(x - x0), fy = static_cast<float>(y - y0);
  const std::uint8_t* above = image + (static_cast<std::int64_t>(y0) * width + x0) * 3;
  const std::uint8_t* below = above + 3 * static_cast<std::int64_t>(width);
  for (int c = 0; c < 3; ++c) {
    levels[c] = between(above[c], above[3 + c], below[c], below[3 + c], fx, fy);
  }
}

HEATPOSE_RULE int floor_of(double value) {
  const int cut = static_cast<int>(value);
  return value < cut ? cut - 1 : cut;
}

HEATPOSE_RULE float level_or_border(const std::uint8_t* image, int height, int width, int x, int y,
                                    int c, float border) {
  if (x < 0 || y < 0 || x >= width || y >= height) return border;
  return image[(static_cast<std::int64_t>(y) * width + x) * 3 + c];
}

/// The three channels at any place, the border blended in pixel by pixel. The place may be NaN.
HEATPOSE_RULE void levels_anywhere(const std::uint8_t* image, int height, int width, double x,
                                   double y, const float* border, float* levels) {
  const bool touches = x > -1 && x < width && y > -1 && y < height;
  const int x0 = touches ? floor_of(x) : -2, y0 = touches ? floor_of(y) : -2;
  const float fx = touches ? static_cast<float>(x - x0) : 0.0f;
  const float fy = touches ? static_cast<float>(y - y0) : 0.0f;
  for (int c = 0; c < 3; ++c) {
    const float a = level_or_border(image, height, width, x0, y0, c, border[c]);
    const float b = level_or_border(image, height, width, x0 + 1, y0, c, border[c]);
    const float d = level_or_border(image, height, width, x0, y0 + 1, c, border[c]);
    const float e = level_or_border(image, height, width, x0 + 1, y0 + 1, c, border[c]);
    levels[c] = between(a, b, d, e, fx, fy);
  }
}

}  // namespace heatpose
