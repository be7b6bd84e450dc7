#pragma once

// IEEE half precision: how a row of floats becomes one of halves, on every unit (round half to
// even). Only csrc/cpu/simd includes it.

#include "common/half.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

HEATPOSE_INLINE void store_halves(const float* row, int width, std::uint16_t* out) {
  int x = 0;
#if defined(__AVX2__)
  for (; x + 8 <= width; x += 8) {
    _mm_storeu_si128((__m128i*)(out + x),
                     _mm256_cvtps_ph(_mm256_loadu_ps(row + x), _MM_FROUND_TO_NEAREST_INT));
  }
#endif
  for (; x < width; ++x) out[x] = to_half(row[x]).bits;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
