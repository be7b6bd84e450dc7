#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/tensor.h"
#include "heatpose/gaussian_smooth.h"

namespace py = pybind11;

namespace heatpose {

void bind_gaussian_smooth(py::module_& m) {
  m.def(
      "gaussian_smooth",
      [](const Tensor& maps, const Tensor& out, const Tensor& taps, int border,
         const py::object& cuda) {
        const CudaArgument device(cuda);
        maps.check_shape("maps", {-1, -1, -1});
        out.check_shape("out", maps.shape());
        taps.check_shape("taps", {-1});
        const int height = checked_int("height", maps.size(1), 0, 1 << 24);
        const int width = checked_int("width", maps.size(2), 0, 1 << 24);
        SmoothTaps half;
        half.half = taps.data<double>("taps");
        half.radius = checked_int("taps", taps.size(0), 1, 1 << 16) - 1;
        float* target = out.mutable_data<float>("out", device.place());
        if (device) {
          const CellType type = cell_type("maps", maps);
          const void* cells = maps.raw("maps", device.place());
          const py::gil_scoped_release release;
          gaussian_smooth_cuda(cells, type, maps.size(0), height, width, half,
                               static_cast<Border>(border), target, device.call());
          return;
        }
        const float* in = maps.data<float>("maps");
        const py::gil_scoped_release release;
        gaussian_smooth_cpu(in, maps.size(0), height, width, half, static_cast<Border>(border),
                            target);
      },
      py::arg("maps"), py::arg("out"), py::kw_only(), py::arg("taps"), py::arg("border"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
