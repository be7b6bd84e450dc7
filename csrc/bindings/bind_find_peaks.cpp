#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/tensor.h"
#include "heatpose/find_peaks.h"

namespace py = pybind11;

namespace heatpose {

void bind_find_peaks(py::module_& m) {
  m.def(
      "find_peaks",
      [](const Tensor& maps, const Tensor& score_maps, const Tensor& xy, const Tensor& scores,
         const Tensor& counts, const Tensor& overflow, float threshold, int connectivity, int ties,
         int reach, bool inclusive, bool keep_first, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        maps.check_shape("maps", {-1, -1, -1});
        score_maps.check_shape("score_maps", maps.shape());
        const std::int64_t planes = maps.size(0);
        xy.check_shape("xy", {planes, -1, 2});
        const int max_peaks = checked_int("max_peaks", xy.size(1), 1, 1 << 24);
        scores.check_shape("scores", {planes, max_peaks});
        counts.check_shape("counts", {planes});
        overflow.check_shape("overflow", {planes});
        const int height = checked_int("height", maps.size(1), 0, 1 << 20);
        const int width = checked_int("width", maps.size(2), 0, 1 << 20);
        const PeakOptions options{threshold,
                                  connectivity,
                                  static_cast<Ties>(ties),
                                  max_peaks,
                                  checked_int("reach", reach, -1, 1 << 20),
                                  inclusive,
                                  keep_first};
        const PeaksView out{xy.mutable_data<std::int32_t>("xy", place),
                            scores.mutable_data<float>("scores", place),
                            counts.mutable_data<std::int32_t>("counts", place),
                            overflow.mutable_data<std::uint8_t>("overflow", place)};
        if (device) {
          const CellType type = cell_type("maps", maps);
          if (score_maps.dtype() != maps.dtype()) {
            throw py::type_error("score_maps must have the element type of maps");
          }
          const void* cells = maps.raw("maps", place);
          const void* cell_scores = score_maps.raw("score_maps", place);
          const py::gil_scoped_release release;
          find_peaks_cuda(cells, cell_scores, type, planes, height, width, options, out,
                          device.call());
          return;
        }
        const float* in = maps.data<float>("maps");
        const float* in_scores = score_maps.data<float>("score_maps");
        const py::gil_scoped_release release;
        find_peaks_cpu(in, in_scores, planes, height, width, options, out);
      },
      py::arg("maps"), py::arg("score_maps"), py::arg("xy"), py::arg("scores"), py::arg("counts"),
      py::arg("overflow"), py::kw_only(), py::arg("threshold"), py::arg("connectivity"),
      py::arg("ties"), py::arg("reach") = -1, py::arg("inclusive") = false,
      py::arg("keep_first") = false, py::arg("cuda") = py::none());
}

}  // namespace heatpose
