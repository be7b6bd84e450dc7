#pragma once

#include <pybind11/pybind11.h>

#include <vector>

#include "bindings/tensor.h"
#include "common/scale_tables.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

/// The argument `cuda` of every op: None, for arrays on the CPU, or a tuple (device, stream,
/// allocate, tables): the device's number, the stream's handle as an int, a function that gives an
/// array of so many bytes on the device, and the tables (None for ops without). Must die while the
/// GIL is held.
class CudaArgument {
 public:
  explicit CudaArgument(const pybind11::object& argument);

  explicit operator bool() const { return place_.cuda; }
  Place place() const { return place_; }
  const CudaCall& call() const { return call_; }
  /// The tables on the device, whose size must be that of `expected`.
  const std::int32_t* tables(const std::vector<ScaleMaps>& scales,
                             const std::vector<TableSet>& expected) const;

 private:
  Place place_;
  CudaCall call_;
  pybind11::object allocate_, tables_;
  std::vector<Tensor> held_;
};

}  // namespace heatpose
