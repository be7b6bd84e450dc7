#pragma once

#include <cstdint>
#include <cstring>

#include "common/macros.h"

namespace heatpose {

/// Element types of maps. The 16-bit ones are carried as bits, so that every compiler takes them.
enum class CellType : int { kFloat32 = 0, kFloat16 = 1, kBFloat16 = 2 };

struct Half {
  std::uint16_t bits;  ///< IEEE binary16
};
struct BFloat16 {
  std::uint16_t bits;  ///< upper half of a float32
};

// Exact: every 16-bit value is a float32.

HEATPOSE_RULE float to_float(float value) { return value; }

HEATPOSE_RULE float to_float(BFloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

HEATPOSE_RULE float to_float(Half value) {
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 31u;
  const std::uint32_t fraction = value.bits & 0x3ffu;
  std::uint32_t bits;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;
    std::memcpy(&bits, &magnitude, sizeof bits);
  } else {
    const std::uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
    bits = (wide << 23) | (fraction << 13);
  }
  bits |= sign;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace heatpose
