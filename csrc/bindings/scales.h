#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "bindings/tensor.h"
#include "common/scale_maps.h"

namespace heatpose {

/// How all scales of a search lie on the canvas.
struct Canvas {
  int height, width;
  int enlarge, resize;  // Interpolation
};

/// The scales of a search; the arrays live as long as it does.
struct Search {
  std::vector<ScaleMaps> scales;
  std::int64_t planes = 0;
  std::vector<Tensor> owners;
};

/// Reads the scales as heatpose.ops hands them over: a sequence of
/// (maps, stride, (content_h, content_w), weight). On the CPU maps are float32 [P, h, w] and
/// contiguous; at a CUDA place they have one of the cell types, the same in all scales, and may be
/// [N, C, h, w] with any strides.
Search read_scales(const pybind11::sequence& scales, const Canvas& canvas, Place place = {});

/// `scale_tables`: the tables that an op wants on a CUDA device.
void bind_scale_tables(pybind11::module_& m);

}  // namespace heatpose
