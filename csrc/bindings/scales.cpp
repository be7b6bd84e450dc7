#include "bindings/scales.h"

#include <algorithm>

namespace py = pybind11;

namespace heatpose {

std::vector<ScaleMaps> read_scales(const py::sequence& scales, int canvas_height, int canvas_width,
                                   int enlarge, int resize, std::vector<Tensor>& owners) {
  std::vector<ScaleMaps> result;
  owners.clear();
  if (py::len(scales) == 0) throw py::value_error("scales must not be empty");
  for (const py::handle item : scales) {
    const auto fields = py::cast<py::tuple>(item);
    owners.push_back(Tensor::borrow(fields[0]));
    const Tensor& maps = owners.back();
    maps.check_shape("maps", {owners.front().size(0), -1, -1});
    ScaleMaps scale;
    scale.cells = maps.data<float>("maps");
    const auto content = py::cast<py::tuple>(fields[2]);
    scale.y.cells = checked_int("height", maps.size(1), 1, 1 << 20);
    scale.x.cells = checked_int("width", maps.size(2), 1, 1 << 20);
    scale.y.content = py::cast<int>(content[0]);
    scale.x.content = py::cast<int>(content[1]);
    scale.y.canvas = canvas_height;
    scale.x.canvas = canvas_width;
    for (AxisGeometry* axis : {&scale.y, &scale.x}) {
      axis->stride = py::cast<int>(fields[1]);
      axis->enlarge = static_cast<Interpolation>(enlarge);
      axis->resize = static_cast<Interpolation>(resize);
    }
    scale.weight = py::cast<float>(fields[3]);
    result.push_back(scale);
  }
  // A scale that has no share in the average must not make pixels NaN either.
  const auto weightless = [](const ScaleMaps& scale) { return scale.weight == 0.0f; };
  if (!std::all_of(result.begin(), result.end(), weightless)) {
    result.erase(std::remove_if(result.begin(), result.end(), weightless), result.end());
  }
  return result;
}

}  // namespace heatpose
