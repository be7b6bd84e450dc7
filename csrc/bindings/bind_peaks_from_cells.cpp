#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
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
         const Tensor& overflow, const py::object& refined, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        const Search search =
            read_scales(scales, {canvas_height, canvas_width, enlarge, resize}, place);
        const std::int64_t planes = search.planes;
        xy.check_shape("xy", {planes, -1, 2});
        const int max_peaks = checked_int("max_peaks", xy.size(1), 1, 1 << 24);
        scores.check_shape("scores", {planes, max_peaks});
        counts.check_shape("counts", {planes});
        overflow.check_shape("overflow", {planes});
        const SmoothOptions smooth{std::move(taps), static_cast<Border>(border)};
        const PeakOptions options{threshold, connectivity, static_cast<Ties>(ties), max_peaks};
        const PeaksView out{xy.mutable_data<std::int32_t>("xy", place),
                            scores.mutable_data<float>("scores", place),
                            counts.mutable_data<std::int32_t>("counts", place),
                            overflow.mutable_data<std::uint8_t>("overflow", place)};
        Tensor refined_tensor;
        float* refined_data = nullptr;
        if (!refined.is_none()) {
          refined_tensor = Tensor::borrow(refined);
          refined_tensor.check_shape("refined", {planes, max_peaks, 2});
          refined_data = refined_tensor.mutable_data<float>("refined", place);
        }
        const auto refinement = static_cast<Refine>(refine);
        const std::int32_t* tables =
            device ? device.tables(search.scales, peaks_from_cells_tables(smooth)) : nullptr;
        const py::gil_scoped_release release;
        if (device) {
          peaks_from_cells_cuda(search.scales, tables, planes, smooth, options, refinement, out,
                                refined_data, device.call());
        } else {
          peaks_from_cells_cpu(search.scales, planes, smooth, options, refinement, out,
                               refined_data);
        }
      },
      py::arg("scales"), py::kw_only(), py::arg("canvas_height"), py::arg("canvas_width"),
      py::arg("enlarge"), py::arg("resize"), py::arg("taps"), py::arg("border"),
      py::arg("threshold"), py::arg("connectivity"), py::arg("ties"), py::arg("refine"),
      py::arg("xy"), py::arg("scores"), py::arg("counts"), py::arg("overflow"), py::arg("refined"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
