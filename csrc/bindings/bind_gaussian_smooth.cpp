#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_gaussian_smooth(py::module_&) {}

}  // namespace heatpose
