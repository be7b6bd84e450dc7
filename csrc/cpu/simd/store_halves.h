#pragma once

// IEEE half precision: how a row of floats becomes one of halves, on every unit (round half to
// even). Only csrc/cpu/simd includes it.

#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

HEATPOSE_INLINE std::uint16_t half_bits(float value) {
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
  return static_cast<std::uint16_t>(sign | half);
}

HEATPOSE_INLINE void store_halves(const float* row, int width, std::uint16_t* out) {
  int x = 0;
#if defined(__AVX2__)
  for (; x + 8 <= width; x += 8) {
    _mm_storeu_si128((__m128i*)(out + x),
                     _mm256_cvtps_ph(_mm256_loadu_ps(row + x), _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; x < width; ++x) out[x] = half_bits(row[x]);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
