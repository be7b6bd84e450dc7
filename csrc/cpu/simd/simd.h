#pragma once

// The vector type of the unit that this file is compiled for. Only csrc/cpu/simd includes it, and
// only that folder is compiled several times; nothing in it may instantiate inline functions of the
// standard library, because the linker keeps one copy of those and could keep the wide one.

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 warns about its own header
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#endif

namespace heatpose::HEATPOSE_SIMD_UNIT {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float VecF __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t VecI __attribute__((vector_size(kLanes * 4)));

#define HEATPOSE_INLINE static inline __attribute__((always_inline))

HEATPOSE_INLINE VecF load(const float* p) {
  VecF v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
HEATPOSE_INLINE void store(float* p, VecF v) { std::memcpy(p, &v, sizeof v); }
HEATPOSE_INLINE VecF splat(float x) { return x - VecF{}; }
HEATPOSE_INLINE VecF vmin(VecF a, VecF b) { return a < b ? a : b; }
HEATPOSE_INLINE VecF vmax(VecF a, VecF b) { return a > b ? a : b; }
HEATPOSE_INLINE VecF vabs(VecF a) { return (VecF)((VecI)a & 0x7fffffff); }

/// One bit per lane of a comparison's result (each lane all ones or all zeros).
HEATPOSE_INLINE std::uint32_t lane_bits(VecI mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__)
  return static_cast<std::uint32_t>(_mm256_movemask_ps((__m256)mask));
#else
  std::uint32_t bits = 0;
  for (int i = 0; i < kLanes; ++i) bits |= (mask[i] & 1u) << i;
  return bits;
#endif
}

HEATPOSE_INLINE float horizontal_sum(VecF v) {
  typedef float Vec4 __attribute__((vector_size(16)));
  Vec4 parts[kLanes / 4];
  std::memcpy(parts, &v, sizeof v);
  Vec4 sum = parts[0];
  for (int i = 1; i < kLanes / 4; ++i) sum += parts[i];
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/// Sixteen floats, in as many vectors as the unit needs: a row of a tile.
constexpr int kPerRow = 16 / kLanes;
struct Row16 {
  VecF v[kPerRow];
};
HEATPOSE_INLINE Row16 load16(const float* p) {
  Row16 r;
  for (int i = 0; i < kPerRow; ++i) r.v[i] = load(p + i * kLanes);
  return r;
}
HEATPOSE_INLINE void store16(float* p, const Row16& r) {
  for (int i = 0; i < kPerRow; ++i) store(p + i * kLanes, r.v[i]);
}
HEATPOSE_INLINE Row16 splat16(float x) {
  Row16 r;
  for (int i = 0; i < kPerRow; ++i) r.v[i] = splat(x);
  return r;
}
/// acc += a * x
HEATPOSE_INLINE void add_product(Row16& acc, const Row16& a, float x) {
  for (int i = 0; i < kPerRow; ++i) acc.v[i] += a.v[i] * x;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
