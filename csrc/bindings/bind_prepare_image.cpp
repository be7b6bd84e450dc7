#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_prepare_image(py::module_&) {}

}  // namespace heatpose
