#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_warp_crops(py::module_&) {}

}  // namespace heatpose
