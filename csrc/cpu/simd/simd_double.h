#pragma once

// Vectors of doubles, half as many lanes as floats, and how maps of any element type load as them.
// The rules of simd.h apply.

#include "common/half.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

constexpr int kDoubles = kLanes / 2;

typedef double VecD __attribute__((vector_size(kDoubles * 8)));

HEATPOSE_INLINE VecD load(const double* p) {
  VecD v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
HEATPOSE_INLINE void store(double* p, VecD v) { std::memcpy(p, &v, sizeof v); }
HEATPOSE_INLINE VecD splat_double(double x) { return x - VecD{}; }
/// The greater one; b where a is NaN.
HEATPOSE_INLINE VecD vmax(VecD a, VecD b) { return a > b ? a : b; }

HEATPOSE_INLINE double horizontal_sum(VecD v) {
  typedef double Pair __attribute__((vector_size(16)));
  Pair parts[kDoubles / 2];
  std::memcpy(parts, &v, sizeof v);
  Pair sum = parts[0];
  for (int i = 1; i < kDoubles / 2; ++i) sum += parts[i];
  return sum[0] + sum[1];
}

typedef float VecHalfF __attribute__((vector_size(kDoubles * 4)));

/// kDoubles cells as doubles.
HEATPOSE_INLINE VecD load_cells(const float* p) {
  VecHalfF v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, VecD);
}
HEATPOSE_INLINE VecD load_cells(const Half* p) {
#if defined(__AVX512F__)
  const VecHalfF v = (VecHalfF)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
#elif defined(__AVX2__) && defined(__F16C__)
  const VecHalfF v = (VecHalfF)_mm_cvtph_ps(_mm_loadl_epi64((const __m128i*)p));
#else
  VecHalfF v;
  for (int i = 0; i < kDoubles; ++i) v[i] = to_float(p[i]);
#endif
  return __builtin_convertvector(v, VecD);
}
HEATPOSE_INLINE VecD load_cells(const BFloat16* p) {
  VecHalfF v;
  for (int i = 0; i < kDoubles; ++i) v[i] = to_float(p[i]);
  return __builtin_convertvector(v, VecD);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
