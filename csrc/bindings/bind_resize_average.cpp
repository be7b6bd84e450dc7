#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/scales.h"
#include "bindings/tensor.h"
#include "heatpose/resize_average.h"

namespace py = pybind11;

namespace heatpose {

void bind_resize_average(py::module_& m) {
  m.def(
      "resize_average",
      [](const py::sequence& scales, const Tensor& out, int enlarge, int resize,
         const py::object& cuda) {
        out.check_shape("out", {-1, -1, -1});
        const int height = checked_int("canvas height", out.size(1), 1, 1 << 20);
        const int width = checked_int("canvas width", out.size(2), 1, 1 << 20);
        const CudaArgument device(cuda);
        const Search search = read_scales(scales, {height, width, enlarge, resize}, device.place());
        const std::int64_t planes = search.planes;
        out.check_shape("out", {planes, height, width});
        float* target = out.mutable_data<float>("out", device.place());
        const std::int32_t* tables =
            device ? device.tables(search.scales, resize_average_tables()) : nullptr;
        const py::gil_scoped_release release;
        if (device) {
          resize_average_cuda(search.scales, tables, planes, target, device.call());
        } else {
          resize_average_cpu(search.scales, planes, target);
        }
      },
      py::arg("scales"), py::arg("out"), py::kw_only(), py::arg("enlarge"), py::arg("resize"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
