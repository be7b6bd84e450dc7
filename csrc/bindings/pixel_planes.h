#pragma once

#include "bindings/tensor.h"
#include "heatpose/pixel_planes.h"

namespace heatpose {

/// Half precision has no type in C++17; its bits are the type here.
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::kFloat16;
};

/// An output of float32 or float16, as its element type says.
inline PixelPlanes pixel_planes(const char* name, const Tensor& out, Place place = {}) {
  PixelPlanes planes;
  if (out.dtype() == DType::kFloat16) {
    planes.f16 = out.mutable_data<std::uint16_t>(name, place);
  } else {
    planes.f32 = out.mutable_data<float>(name, place);
  }
  return planes;
}

}  // namespace heatpose
