#include "bindings/cuda_argument.h"

#include <cstdint>

namespace py = pybind11;

namespace heatpose {

CudaArgument::CudaArgument(const py::object& argument) {
  if (argument.is_none()) return;
  const auto fields = py::cast<py::tuple>(argument);
  place_ = {true, py::cast<int>(fields[0])};
  call_.device = place_.device;
  call_.stream = reinterpret_cast<void*>(py::cast<std::uintptr_t>(fields[1]));
  allocate_ = fields[2];
  tables_ = fields[3];
  call_.allocate = [this](std::size_t bytes) {
    const py::gil_scoped_acquire acquire;
    held_.push_back(Tensor::borrow(allocate_(bytes)));
    const Tensor& memory = held_.back();
    memory.check_shape("workspace", {static_cast<std::int64_t>(bytes)});
    return static_cast<void*>(memory.mutable_data<std::uint8_t>("workspace", place_));
  };
}

const std::int32_t* CudaArgument::tables(const std::vector<ScaleMaps>& scales,
                                         const std::vector<TableSet>& expected) const {
  const Tensor given = Tensor::borrow(tables_);
  given.check_shape("tables", {lay_out_tables(scales, expected).words});
  return given.data<std::int32_t>("tables", place_);
}

}  // namespace heatpose
