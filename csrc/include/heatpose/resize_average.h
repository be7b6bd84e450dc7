#pragma once

#include <cstdint>
#include <vector>

#include "heatpose/scale_maps.h"

namespace heatpose {

/// The weighted sum over scales of maps enlarged by their stride, cropped to the content and
/// resized to the canvas. A pixel that touches a cell which is not finite is NaN; no other pixel
/// is.
///   out  float32 [P, H, W]  the canvas of the scales
/// Throws std::invalid_argument on a geometry that axis_operator() refuses.
void resize_average_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes, float* out);

}  // namespace heatpose
