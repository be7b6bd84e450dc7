#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/pixel_planes.h"
#include "bindings/tensor.h"
#include "heatpose/warp_crops.h"

namespace py = pybind11;

namespace heatpose {

void bind_warp_crops(py::module_& m) {
  m.def(
      "warp_crops",
      [](const Tensor& image, const Tensor& matrices, const Tensor& out, const Tensor& gain,
         const Tensor& offset, const Tensor& border, bool swap_rgb, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        image.check_shape("image", {-1, -1, 3});
        matrices.check_shape("matrices", {-1, 2, 3});
        out.check_shape("out", {matrices.size(0), 3, -1, -1});
        const int height = checked_int("height", image.size(0), 1, 1 << 20);
        const int width = checked_int("width", image.size(1), 1, 1 << 20);
        const int crop_height = checked_int("crop height", out.size(2), 1, 1 << 20);
        const int crop_width = checked_int("crop width", out.size(3), 1, 1 << 20);
        WarpOptions options;
        options.swap_rgb = swap_rgb;
        const auto copy = [](const char* name, const Tensor& from, float* to) {
          from.check_shape(name, {3});
          const float* values = from.data<float>(name);
          for (int c = 0; c < 3; ++c) to[c] = values[c];
        };
        copy("gain", gain, options.gain);
        copy("offset", offset, options.offset);
        copy("border", border, options.border);
        const std::uint8_t* in = image.data<std::uint8_t>("image", place);
        const double* places = matrices.data<double>("matrices", place);
        const PixelPlanes planes = pixel_planes("out", out, place);
        const std::int64_t crops = matrices.size(0);
        const py::gil_scoped_release release;
        if (device) {
          warp_crops_cuda(in, height, width, places, crops, crop_height, crop_width, options,
                          planes, device.call());
        } else {
          warp_crops_cpu(in, height, width, places, crops, crop_height, crop_width, options,
                         planes);
        }
      },
      py::arg("image"), py::arg("matrices"), py::arg("out"), py::kw_only(), py::arg("gain"),
      py::arg("offset"), py::arg("border"), py::arg("swap_rgb"), py::arg("cuda") = py::none());
}

}  // namespace heatpose
