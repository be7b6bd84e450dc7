#pragma once

#include <cstdint>
#include <cstring>

#include "common/macros.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

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
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(value.bits));
#else
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
#endif
}

/// Rounded half to even; what is too large becomes infinity.
HEATPOSE_RULE Half to_half(float value) {
#ifdef __CUDA_ARCH__
  return {__half_as_ushort(__float2half_rn(value))};
#else
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  bits &= 0x7fffffffu;
  std::uint32_t half;
  if (bits > 0x7f800000u) {
    half = 0x7e00u;  // NaN
  } else if (bits >= 0x47800000u) {
    half = 0x7c00u;  // 65536 and more: infinity
  } else if (bits < 0x38800000u) {
    // Below 2^-14: adding 0.5 moves the bits that a subnormal half keeps to the end, rounded.
    float shifted;
    std::memcpy(&shifted, &bits, sizeof shifted);
    shifted += 0.5f;
    std::memcpy(&bits, &shifted, sizeof bits);
    half = bits - 0x3f000000u;
  } else {
    half = (bits - (112u << 23) + 0xfffu + (bits >> 13 & 1u)) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | half)};
#endif
}

/// Rounded half to even; what is too large becomes infinity.
HEATPOSE_RULE BFloat16 to_bfloat16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    bits |= 0x400000u;  // a NaN stays one whose payload is cut
  } else {
    bits += 0x7fffu + (bits >> 16 & 1u);
  }
  return {static_cast<std::uint16_t>(bits >> 16)};
}

/// The cell of a map that is nearest to `value`.
HEATPOSE_RULE void round_to(float value, float* cell) { *cell = value; }
HEATPOSE_RULE void round_to(float value, Half* cell) { *cell = to_half(value); }
HEATPOSE_RULE void round_to(float value, BFloat16* cell) { *cell = to_bfloat16(value); }

}  // namespace heatpose
