#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/scales.h"
#include "bindings/tensor.h"
#include "heatpose/decode_hand_maps.h"

namespace py = pybind11;

namespace heatpose {

void bind_decode_hand_maps(py::module_& m) {
  m.def(
      "decode_hand_maps",
      [](const py::sequence& scales, int canvas_height, int canvas_width, int enlarge, int resize,
         std::vector<double> taps, int border, float threshold, const Tensor& coords,
         const Tensor& scores) {
        std::vector<Tensor> owners;
        const std::vector<ScaleMaps> maps =
            read_scales(scales, canvas_height, canvas_width, enlarge, resize, owners);
        const std::int64_t planes = owners.front().size(0);
        coords.check_shape("coords", {planes, 2});
        scores.check_shape("scores", {planes});
        const SmoothOptions smooth{std::move(taps), static_cast<Border>(border)};
        float* coords_data = coords.mutable_data<float>("coords");
        float* scores_data = scores.mutable_data<float>("scores");
        const py::gil_scoped_release release;
        decode_hand_maps_cpu(maps, planes, smooth, threshold, coords_data, scores_data);
      },
      py::arg("scales"), py::kw_only(), py::arg("canvas_height"), py::arg("canvas_width"),
      py::arg("enlarge"), py::arg("resize"), py::arg("taps"), py::arg("border"),
      py::arg("threshold"), py::arg("coords"), py::arg("scores"));
}

}  // namespace heatpose
