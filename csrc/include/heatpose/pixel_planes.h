#pragma once

#include <cstdint>

namespace heatpose {

/// Where an op puts a network's input, [N, 3, H, W]: float32 or IEEE half precision. One is null.
struct PixelPlanes {
  float* f32 = nullptr;
  std::uint16_t* f16 = nullptr;
};

}  // namespace heatpose
