// Two maps are read, one of them backwards along its rows, and one is written: the memory sets the
// pace.

#include "common/flip_rule.h"
#include "cpu/simd/cells.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

// The hardware's own prefetching stops at page borders, and cannot foresee which mirrored map comes
// next. What lies this many bytes ahead may be in another map, or be nothing.
constexpr std::uintptr_t kAhead = 4096;

HEATPOSE_INLINE void prefetch(const void* here) {
  __builtin_prefetch((const void*)((std::uintptr_t)here + kAhead));
}

HEATPOSE_INLINE VecF reversed(VecF v) {
#if defined(__AVX512F__)
  const __m512i order = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return (VecF)_mm512_permutexvar_ps(order, (__m512)v);
#elif defined(__AVX2__)
  const __m256i order = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  return (VecF)_mm256_permutevar8x32_ps((__m256)v, order);
#else
  return VecF{v[3], v[2], v[1], v[0]};
#endif
}

/// The same, and then moved by one lane; the first lane stays as well.
HEATPOSE_INLINE VecF reversed_and_shifted(VecF v) {
#if defined(__AVX512F__)
  const __m512i order = _mm512_setr_epi32(15, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
  return (VecF)_mm512_permutexvar_ps(order, (__m512)v);
#elif defined(__AVX2__)
  const __m256i order = _mm256_setr_epi32(7, 7, 6, 5, 4, 3, 2, 1);
  return (VecF)_mm256_permutevar8x32_ps((__m256)v, order);
#else
  return VecF{v[3], v[3], v[2], v[1]};
#endif
}

template <typename Cell>
HEATPOSE_INLINE void average_row(const Cell* cells, const Cell* mirrored, Cell* out, int width,
                                 bool shift) {
  const int last = width - kLanes;
  if (last < 0) {
    for (int x = 0; x < width; ++x) {
      const Cell other = mirrored[mirrored_column(x, width, shift)];
      round_to(mean_of(to_float(cells[x]), to_float(other)), out + x);
    }
    return;
  }
  const Cell* const facing = mirrored + last + (shift ? 1 : 0);  // of the vectors after the first
  const auto vector = [&](int x) {
    const VecF other = x > 0   ? reversed(load_floats(facing - x))
                       : shift ? reversed_and_shifted(load_floats(mirrored + last))
                               : reversed(load_floats(mirrored + last));
    return (load_floats(cells + x) + other) * 0.5f;  // mean_of
  };
  // The last vector overlaps the one before it: where `out` is `cells`, what it reads is soon gone.
  const VecF end = vector(last);
  for (int x = 0; x < last; x += kLanes) {
    prefetch(cells + x);
    prefetch(facing - x);
    store_cells(out + x, vector(x));
  }
  store_cells(out + last, end);
}

template <typename Cell>
void average_rows_of(const Cell* map, const Cell* mirrored, Cell* out, int height, int width,
                     bool shift) {
  for (int y = 0; y < height; ++y, map += width, mirrored += width, out += width) {
    average_row(map, mirrored, out, width, shift);
  }
}

}  // namespace

void average_rows(const void* map, const void* mirrored, void* out, CellType type, int height,
                  int width, bool shift) {
  switch (type) {
    case CellType::kFloat32:
      return average_rows_of((const float*)map, (const float*)mirrored, (float*)out, height, width,
                             shift);
    case CellType::kFloat16:
      return average_rows_of((const Half*)map, (const Half*)mirrored, (Half*)out, height, width,
                             shift);
    case CellType::kBFloat16:
      return average_rows_of((const BFloat16*)map, (const BFloat16*)mirrored, (BFloat16*)out,
                             height, width, shift);
  }
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
