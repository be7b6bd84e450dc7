#include <pybind11/stl.h>

#include "bindings/bind.h"
#include "heatpose/runtime.h"

namespace py = pybind11;

namespace heatpose {

void bind_runtime(py::module_& m) {
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, py::arg("threads"));
  m.def("vector_units", &vector_units);
  m.def("vector_unit", &vector_unit);
  m.def("set_vector_unit", &set_vector_unit, py::arg("name"));
  m.def("cuda_status", [] {
    const CudaStatus status = cuda_status();
    py::dict fields;
    fields["compiled"] = status.compiled;
    fields["runtime_version"] = status.runtime_version;
    fields["driver_version"] = status.driver_version;
    fields["device_count"] = status.device_count;
    fields["reason"] = status.reason;
    return fields;
  });
}

}  // namespace heatpose
