#pragma once

// Cells of maps as vectors of floats, and back: rounded half to even, alike on every unit. The
// rules of simd.h apply.

#include "common/half.h"
#include "cpu/simd/simd.h"

#if !defined(__AVX2__) && defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace heatpose::HEATPOSE_SIMD_UNIT {

// The bits of kLanes 16-bit floats. Of a conversion that is written as one, compilers make too
// much.
#if defined(__AVX512F__)
HEATPOSE_INLINE VecI load_bits(const void* p) {
  return (VecI)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
}
HEATPOSE_INLINE void store_bits(void* p, VecI v) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtepi32_epi16((__m512i)v));
}
#elif defined(__AVX2__)
HEATPOSE_INLINE VecI load_bits(const void* p) {
  return (VecI)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p));
}
HEATPOSE_INLINE void store_bits(void* p, VecI v) {
  const __m256i bits = (__m256i)v;
  _mm_storeu_si128((__m128i*)p, _mm_packus_epi32(_mm256_castsi256_si128(bits),
                                                 _mm256_extracti128_si256(bits, 1)));
}
#elif defined(__SSE2__)
HEATPOSE_INLINE VecI load_bits(const void* p) {
  return (VecI)_mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i*)p), _mm_setzero_si128());
}
HEATPOSE_INLINE void store_bits(void* p, VecI v) {
  const __m128i extended = _mm_srai_epi32(_mm_slli_epi32((__m128i)v, 16), 16);  // not saturated
  _mm_storel_epi64((__m128i*)p, _mm_packs_epi32(extended, extended));
}
#else
typedef std::uint16_t VecBits __attribute__((vector_size(kLanes * 2)));
HEATPOSE_INLINE VecI load_bits(const void* p) {
  VecBits bits;
  std::memcpy(&bits, p, sizeof bits);
  return __builtin_convertvector(bits, VecI);
}
HEATPOSE_INLINE void store_bits(void* p, VecI v) {
  const VecBits bits = __builtin_convertvector(v, VecBits);
  std::memcpy(p, &bits, sizeof bits);
}
#endif

HEATPOSE_INLINE VecF load_floats(const float* p) { return load(p); }
HEATPOSE_INLINE void store_cells(float* p, VecF v) { store(p, v); }

HEATPOSE_INLINE VecF load_floats(const BFloat16* p) { return (VecF)(load_bits(p) << 16); }
HEATPOSE_INLINE void store_cells(BFloat16* p, VecF v) {
  typedef std::uint32_t VecU __attribute__((vector_size(kLanes * 4)));
  const VecU bits = (VecU)v;
  const VecI nan = ((VecI)v & 0x7fffffff) > 0x7f800000;
  const VecU rounded = nan ? bits | 0x400000u : bits + 0x7fffu + (bits >> 16 & 1u);
  store_bits(p, (VecI)(rounded >> 16));
}

#if defined(__AVX512F__)
HEATPOSE_INLINE VecF load_floats(const Half* p) {
  return (VecF)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
HEATPOSE_INLINE void store_cells(Half* p, VecF v) {
  _mm256_storeu_si256((__m256i*)p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
}
#elif defined(__AVX2__)
HEATPOSE_INLINE VecF load_floats(const Half* p) {
  return (VecF)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
}
HEATPOSE_INLINE void store_cells(Half* p, VecF v) {
  _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
}
#else
// What to_float and to_half of common/half.h do, without branches.
HEATPOSE_INLINE VecF load_floats(const Half* p) {
  const VecI half = load_bits(p), magnitude = half & 0x7fff;
  const VecI subnormal = (VecI)(__builtin_convertvector(magnitude, VecF) * 5.9604644775390625e-8f);
  const VecI bias = magnitude >= 0x7c00 ? VecI{} + (224 << 23) : VecI{} + (112 << 23);
  const VecI bits = magnitude < 0x400 ? subnormal : (magnitude << 13) + bias;
  return (VecF)(bits | (half & 0x8000) << 16);
}
HEATPOSE_INLINE void store_cells(Half* p, VecF v) {
  const VecI magnitude = (VecI)v & 0x7fffffff;
  const VecI subnormal = (VecI)((VecF)magnitude + 0.5f) - 0x3f000000;
  const VecI normal = (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  VecI half = magnitude < 0x38800000 ? subnormal : normal;
  half = magnitude >= 0x47800000 ? VecI{} + 0x7c00 : half;
  half = magnitude > 0x7f800000 ? VecI{} + 0x7e00 : half;
  store_bits(p, half | ((VecI)v >> 16 & 0x8000));
}
#endif

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
