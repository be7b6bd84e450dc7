#pragma once

#include <cstdint>

#include "common/axis_operator.h"
#include "common/half.h"

namespace heatpose {

/// One scale of a search: a stack of maps, how they lie on the canvas, and their share of the
/// average. Plane p is channel p % channels of image p / channels.
struct ScaleMaps {
  const void* cells = nullptr;  ///< [N, channels, y.cells, x.cells]
  CellType type = CellType::kFloat32;
  AxisGeometry y, x;  ///< both name the same canvas in every scale
  float weight = 1.0f;
  std::int64_t channels = 1;
  /// In elements. The CPU ops take float32 maps that are contiguous.
  std::int64_t image_stride = 0, channel_stride = 0, row_stride = 0, column_stride = 1;

  const float* floats() const { return static_cast<const float*>(cells); }
};

}  // namespace heatpose
