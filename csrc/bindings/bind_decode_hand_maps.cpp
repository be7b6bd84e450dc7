#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_decode_hand_maps(py::module_&) {}

}  // namespace heatpose
