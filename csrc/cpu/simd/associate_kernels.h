#pragma once

#include <cstdint>

namespace heatpose {

/// Row y of an axis operator touches cells first .. last; `weights` belongs to `first`.
struct TouchedRow {
  const float* weights;
  std::int32_t first, last;
};

}  // namespace heatpose

// sample_field: adds weight * (value of two planes at one pixel) to *fx and *fy, where the pixel's
//   row and column of the axis operators touch the cells of `y` and `x`.
#define HEATPOSE_KERNELS_ASSOCIATE(X)                                                     \
  X(sample_field, void,                                                                   \
    (const float* plane_x, const float* plane_y, std::int64_t width, const TouchedRow& y, \
     const TouchedRow& x, float weight, float* fx, float* fy))
