#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/tensor.h"
#include "heatpose/average_flipped.h"

namespace py = pybind11;

namespace heatpose {

void bind_average_flipped(py::module_& m) {
  m.def(
      "average_flipped",
      [](const Tensor& heatmaps, const Tensor& mirrored, const Tensor& flip, const Tensor& out,
         bool shift, bool bfloat16, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        heatmaps.check_shape("heatmaps", {-1, -1, -1, -1});
        mirrored.check_shape("mirrored", heatmaps.shape());
        out.check_shape("out", heatmaps.shape());
        FlippedMaps job;
        job.instances = heatmaps.size(0);
        job.keypoints = checked_int("keypoints", heatmaps.size(1), 0, 1 << 24);
        job.height = checked_int("height", heatmaps.size(2), 0, 1 << 24);
        job.width = checked_int("width", heatmaps.size(3), 0, 1 << 24);
        job.shift = shift;
        flip.check_shape("flip", {heatmaps.size(1)});
        job.flip = flip.data<std::int32_t>("flip");
        for (int k = 0; k < job.keypoints; ++k) {
          checked_int("flip", job.flip[k], 0, job.keypoints - 1);
        }
        job.type = cell_type("heatmaps", heatmaps);
        for (const auto& [name, other] : {std::pair{"mirrored", &mirrored}, {"out", &out}}) {
          if (other->dtype() != heatmaps.dtype()) {
            throw py::type_error(std::string(name) + " must be " + name_of(heatmaps.dtype()) +
                                 ", got " + name_of(other->dtype()));
          }
        }
        if (bfloat16) {  // their bits, in an array of the 16-bit type that NumPy has
          if (job.type == CellType::kFloat32) throw py::type_error("heatmaps must be of 16 bits");
          job.type = CellType::kBFloat16;
        }
        job.maps = heatmaps.raw("heatmaps", place);
        job.mirrored = mirrored.raw("mirrored", place);
        job.out = out.mutable_raw("out", place);
        const py::gil_scoped_release release;
        if (device) {
          average_flipped_cuda(job, device.call());
        } else {
          average_flipped_cpu(job);
        }
      },
      py::arg("heatmaps"), py::arg("mirrored"), py::arg("flip"), py::arg("out"), py::kw_only(),
      py::arg("shift"), py::arg("bfloat16") = false, py::arg("cuda") = py::none());
}

}  // namespace heatpose
