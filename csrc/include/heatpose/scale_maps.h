#pragma once

#include "common/axis_operator.h"

namespace heatpose {

/// One scale of a search: a stack of maps, how they lie on the canvas, and their share of the
/// average.
struct ScaleMaps {
  const float* cells = nullptr;  ///< float32 [P, y.cells, x.cells]
  AxisGeometry y, x;             ///< both name the same canvas in every scale
  float weight = 1.0f;
};

}  // namespace heatpose
