#include "bindings/bind.h"

namespace py = pybind11;

namespace heatpose {

void bind_peaks_from_cells(py::module_&) {}

}  // namespace heatpose
