#pragma once

#include <cstdint>

#include "common/half.h"

namespace heatpose {

/// The first maximum of a map in row order. NaN counts as minus infinity, which is also the value
/// where a map holds no number; its index is then 0.
struct MapMaximum {
  float value;
  std::int64_t index;
};

/// A map as the blur reads it: at least Blur::margin columns, so that no vector leaves the memory.
/// A narrower map comes as a copy with columns of zeros behind it, which is what its border is.
struct BlurMap {
  const void* cells;
  CellType type;
  int height, width;
};

/// A Gaussian of `kernel` taps with `margin` zeros on either side.
struct Blur {
  const double* taps;  ///< the first tap, behind the margin
  int kernel;
  int margin;  ///< a multiple of 8, at least kernel + 4: columns under the kernels of 5 cells
};

}  // namespace heatpose

// map_maximum: over `count` elements.
// blur_around: the blurred values of the (2 reach + 1)^2 cells around (x, y), in row order; cells
//   outside the map are left alone. `scratch` has room for 5 * margin values.
// blurred_maximum: over the first `width` columns of the map; `scratch` has room for
//   (map.height + 1) * (map.width + 7) + 2 * margin values.
#define HEATPOSE_KERNELS_DECODE_HEATMAPS(X)                                          \
  X(map_maximum, MapMaximum, (const void* cells, CellType type, std::int64_t count)) \
  X(blur_around, void,                                                               \
    (const BlurMap& map, const Blur& blur, int x, int y, int reach, double* scratch, \
     double* blurred))                                                               \
  X(blurred_maximum, double, (const BlurMap& map, const Blur& blur, int width, double* scratch))
