#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_decode_heatmaps(py::module_&) {}

}  // namespace heatpose
