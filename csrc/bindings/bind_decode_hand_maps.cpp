#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
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
         const Tensor& scores, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        const Search search =
            read_scales(scales, {canvas_height, canvas_width, enlarge, resize}, place);
        const std::int64_t planes = search.planes;
        coords.check_shape("coords", {planes, 2});
        scores.check_shape("scores", {planes});
        const SmoothOptions smooth{std::move(taps), static_cast<Border>(border)};
        float* coords_data = coords.mutable_data<float>("coords", place);
        float* scores_data = scores.mutable_data<float>("scores", place);
        const std::int32_t* tables =
            device ? device.tables(search.scales, decode_hand_maps_tables(smooth)) : nullptr;
        const py::gil_scoped_release release;
        if (device) {
          decode_hand_maps_cuda(search.scales, tables, planes, smooth, threshold, coords_data,
                                scores_data, device.call());
        } else {
          decode_hand_maps_cpu(search.scales, planes, smooth, threshold, coords_data, scores_data);
        }
      },
      py::arg("scales"), py::kw_only(), py::arg("canvas_height"), py::arg("canvas_width"),
      py::arg("enlarge"), py::arg("resize"), py::arg("taps"), py::arg("border"),
      py::arg("threshold"), py::arg("coords"), py::arg("scores"), py::arg("cuda") = py::none());
}

}  // namespace heatpose
