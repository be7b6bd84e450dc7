#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/scales.h"
#include "bindings/tensor.h"
#include "heatpose/peaks_from_cells.h"

namespace py = pybind11;

namespace heatpose {

void bind_peaks_from_cells(py::module_& m) {
  m.def(
      "peaks_from_cells",
      [](const py::sequence& scales, int canvas_height, int canvas_width, int enlarge, int resize,
         std::vector<double> taps, int border, float threshold, int connectivity, int ties,
         int refine, const Tensor& xy, const Tensor& scores, const Tensor& counts,
         const Tensor& overflow, const py::object& refined) {
        std::vector<Tensor> owners;
        const std::vector<ScaleMaps> maps =
            read_scales(scales, canvas_height, canvas_width, enlarge, resize, owners);
        const std::int64_t planes = owners.front().size(0);
        xy.check_shape("xy", {planes, -1, 2});
        const int max_peaks = checked_int("max_peaks", xy.size(1), 1, 1 << 24);
        scores.check_shape("scores", {planes, max_peaks});
        counts.check_shape("counts", {planes});
        overflow.check_shape("overflow", {planes});
        const SmoothOptions smooth{std::move(taps), static_cast<Border>(border)};
        const PeakOptions options{threshold, connectivity, static_cast<Ties>(ties), max_peaks};
        const PeaksView out{xy.mutable_data<std::int32_t>("xy"),
                            scores.mutable_data<float>("scores"),
                            counts.mutable_data<std::int32_t>("counts"),
                            overflow.mutable_data<std::uint8_t>("overflow")};
        Tensor refined_tensor;
        float* refined_data = nullptr;
        if (!refined.is_none()) {
          refined_tensor = Tensor::borrow(refined);
          refined_tensor.check_shape("refined", {planes, max_peaks, 2});
          refined_data = refined_tensor.mutable_data<float>("refined");
        }
        const py::gil_scoped_release release;
        peaks_from_cells_cpu(maps, planes, smooth, options, static_cast<Refine>(refine), out,
                             refined_data);
      },
      py::arg("scales"), py::kw_only(), py::arg("canvas_height"), py::arg("canvas_width"),
      py::arg("enlarge"), py::arg("resize"), py::arg("taps"), py::arg("border"),
      py::arg("threshold"), py::arg("connectivity"), py::arg("ties"), py::arg("refine"),
      py::arg("xy"), py::arg("scores"), py::arg("counts"), py::arg("overflow"), py::arg("refined"));
}

}  // namespace heatpose
