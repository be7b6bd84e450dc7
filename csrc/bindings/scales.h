#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bindings/tensor.h"
#include "heatpose/scale_maps.h"

namespace heatpose {

/// Reads the scales of a search as heatpose.ops hands them over: a sequence of
/// (maps float32 [P, h, w], stride, (content_h, content_w), weight), and the canvas.
/// The tensors live in `owners`, which must outlive the result.
std::vector<ScaleMaps> read_scales(const pybind11::sequence& scales, int canvas_height,
                                   int canvas_width, int enlarge, int resize,
                                   std::vector<Tensor>& owners);

}  // namespace heatpose
