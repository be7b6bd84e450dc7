#pragma once

#include <cstdint>
#include <vector>

#include "common/scale_maps.h"
#include "common/scale_tables.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

/// The weighted sum over scales of maps enlarged by their stride, cropped to the content and
/// resized to the canvas. A pixel that touches a cell which is not finite is NaN; no other pixel
/// is.
///   out  float32 [P, H, W]  the canvas of the scales
/// Throws std::invalid_argument on a geometry that axis_operator() refuses.
void resize_average_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes, float* out);

/// The same on a CUDA device: arrays of the device, maps of one of the cell types with any strides,
/// and `tables`, what write_tables() made of resize_average_tables(), brought there by the caller.
inline std::vector<TableSet> resize_average_tables() { return {TableSet{}}; }
void resize_average_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* tables,
                         std::int64_t planes, float* out, const CudaCall& call);

}  // namespace heatpose
