#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/pixel_planes.h"
#include "bindings/tensor.h"
#include "heatpose/prepare_image.h"

namespace py = pybind11;

namespace heatpose {

void bind_prepare_image(py::module_& m) {
  m.def(
      "prepare_image",
      [](const Tensor& image, const Tensor& out, std::int64_t content_height,
         std::int64_t content_width, double step_y, double step_x, float norm_scale,
         float norm_offset, int pad_value, bool swap_rgb, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        image.check_shape("image", {-1, -1, 3});
        out.check_shape("out", {1, 3, -1, -1});
        const int height = checked_int("height", image.size(0), 1, 1 << 20);
        const int width = checked_int("width", image.size(1), 1, 1 << 20);
        const int out_height = checked_int("out height", out.size(2), 1, 1 << 21);
        const int out_width = checked_int("out width", out.size(3), 1, 1 << 21);
        const int rows = checked_int("content height", content_height, 1, out_height);
        const int columns = checked_int("content width", content_width, 1, out_width);
        if (!(step_y > 0 && step_y < 1e300 && step_x > 0 && step_x < 1e300)) {
          throw py::value_error("steps must be positive and finite");
        }
        const PrepareOptions options{
            step_y,  step_x, norm_scale, norm_offset, checked_int("pad_value", pad_value, 0, 255),
            swap_rgb};
        const std::uint8_t* in = image.data<std::uint8_t>("image", place);
        const PixelPlanes planes = pixel_planes("out", out, place);
        const py::gil_scoped_release release;
        if (device) {
          prepare_image_cuda(in, height, width, rows, columns, options, out_height, out_width,
                             planes, device.call());
        } else {
          prepare_image_cpu(in, height, width, rows, columns, options, out_height, out_width,
                            planes);
        }
      },
      py::arg("image"), py::arg("out"), py::kw_only(), py::arg("content_height"),
      py::arg("content_width"), py::arg("step_y"), py::arg("step_x"), py::arg("norm_scale"),
      py::arg("norm_offset"), py::arg("pad_value"), py::arg("swap_rgb"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
