#include "bindings/bind.h"
#include "bindings/scales.h"
#include "bindings/tensor.h"
#include "heatpose/resize_average.h"

namespace py = pybind11;

namespace heatpose {

void bind_resize_average(py::module_& m) {
  m.def(
      "resize_average",
      [](const py::sequence& scales, const Tensor& out, int enlarge, int resize) {
        out.check_shape("out", {-1, -1, -1});
        const int height = checked_int("canvas height", out.size(1), 1, 1 << 20);
        const int width = checked_int("canvas width", out.size(2), 1, 1 << 20);
        std::vector<Tensor> owners;
        const std::vector<ScaleMaps> maps =
            read_scales(scales, height, width, enlarge, resize, owners);
        const std::int64_t planes = owners.front().size(0);
        out.check_shape("out", {planes, height, width});
        float* target = out.mutable_data<float>("out");
        const py::gil_scoped_release release;
        resize_average_cpu(maps, planes, target);
      },
      py::arg("scales"), py::arg("out"), py::kw_only(), py::arg("enlarge"), py::arg("resize"));
}

}  // namespace heatpose
