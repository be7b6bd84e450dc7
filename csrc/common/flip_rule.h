#pragma once

#include "common/macros.h"

namespace heatpose {

/// The column of a mirrored map that stands at column x of the map. With `shift` it is the one of
/// the cell to the left; the first column, which has none, keeps its own.
HEATPOSE_RULE int mirrored_column(int x, int width, bool shift) {
  return width - 1 - (shift && x > 0 ? x - 1 : x);
}

/// Half of the sum: halving rounds nothing but the last bits of subnormal numbers.
HEATPOSE_RULE float mean_of(float a, float b) { return (a + b) * 0.5f; }

}  // namespace heatpose
