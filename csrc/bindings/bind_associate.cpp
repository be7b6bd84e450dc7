#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_associate(py::module_&) {}

}  // namespace heatpose
