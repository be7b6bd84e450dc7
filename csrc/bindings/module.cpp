#include "bindings/bind.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Native ops of heatpose. Checks types and layouts only; use heatpose.ops.";
  heatpose::bind_runtime(m);
  heatpose::bind_find_peaks(m);
}
