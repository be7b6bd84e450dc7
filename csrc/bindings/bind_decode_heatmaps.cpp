#include <pybind11/stl.h>

#include <optional>

#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/tensor.h"
#include "heatpose/decode_heatmaps.h"

namespace py = pybind11;

namespace heatpose {
void bind_decode_heatmaps(py::module_& m) {
  m.def(
      "decode_heatmaps",
      [](const Tensor& heatmaps, const std::optional<Tensor>& places,
         const std::optional<Tensor>& transforms, const Tensor& coords, const Tensor& scores,
         int method, int kernel, const std::optional<Tensor>& taps, int border, bool rescale,
         int quarter_border, float invalid, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        heatmaps.check_shape("heatmaps", {-1, -1, -1, -1});
        const std::int64_t instances = heatmaps.size(0), keypoints = heatmaps.size(1);
        coords.check_shape("coords", {instances, keypoints, 2});
        scores.check_shape("scores", {instances, keypoints});
        const int height = checked_int("height", heatmaps.size(2), 0, 1 << 20);
        const int width = checked_int("width", heatmaps.size(3), 0, 1 << 20);
        if (places) places->check_shape("places", {instances, keypoints, 2});
        if (transforms) transforms->check_shape("transform", {instances, 2, 3});
        DecodeOptions options;
        options.method = static_cast<Refinement>(checked_int("method", method, 0, 3));
        options.kernel = checked_int("kernel", kernel, 1, taps ? kMostGivenTaps : 1023);
        if (kernel % 2 == 0) throw py::value_error("kernel must be odd");
        if (taps) {
          taps->check_shape("taps", {kernel / 2 + 1});
          options.half_taps = taps->data<double>("taps");
        }
        options.border = static_cast<Border>(checked_int("border", border, 0, 4));
        options.rescale = rescale;
        if (rescale && options.border != Border::kConstant) {
          throw py::value_error("rescale needs a constant border");
        }
        options.quarter_border =
            static_cast<QuarterBorder>(checked_int("quarter_border", quarter_border, 0, 1));
        options.invalid = invalid;
        const CellType type = cell_type("heatmaps", heatmaps);
        const void* in = heatmaps.raw("heatmaps", place);
        const float* given = places ? places->data<float>("places", place) : nullptr;
        const double* matrices =
            transforms ? transforms->data<double>("transform", place) : nullptr;
        float* out_coords = coords.mutable_data<float>("coords", place);
        float* out_scores = scores.mutable_data<float>("scores", place);
        const py::gil_scoped_release release;
        if (device) {
          decode_heatmaps_cuda(in, type, instances, keypoints, height, width, given, matrices,
                               options, out_coords, out_scores, device.call());
        } else {
          decode_heatmaps_cpu(in, type, instances, keypoints, height, width, given, matrices,
                              options, out_coords, out_scores);
        }
      },
      py::arg("heatmaps"), py::arg("places"), py::arg("transform"), py::arg("coords"),
      py::arg("scores"), py::kw_only(), py::arg("method"), py::arg("kernel"), py::arg("taps"),
      py::arg("border"), py::arg("rescale"), py::arg("quarter_border"), py::arg("invalid"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
