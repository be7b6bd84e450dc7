#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_resize_average(py::module_&) {}

}  // namespace heatpose
