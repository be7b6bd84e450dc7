// Two maps are read, one of them backwards along its rows, and one is written: the memory sets the
// pace.

#include "common/flip_rule.h"
#include "cpu/simd/cells.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

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

template <typename Cell>
HEATPOSE_INLINE void average_one(const Cell* cell, const Cell* mirrored, Cell* out) {
  round_to(mean_of(to_float(*cell), to_float(*mirrored)), out);
}

/// The mean of the vector at `x` of a run and of the one that faces it in the mirrored run.
template <typename Cell>
HEATPOSE_INLINE VecF average_vector(const Cell* cells, const Cell* mirrored, int x, int last) {
  return (load_floats(cells + x) + reversed(load_floats(mirrored + last - x))) * 0.5f;
}

/// out[i] = the mean of cells[i] and mirrored[count - 1 - i].
template <typename Cell>
HEATPOSE_INLINE void average_run(const Cell* cells, const Cell* mirrored, Cell* out, int count) {
  if (count < kLanes) {
    for (int x = 0; x < count; ++x) average_one(cells + x, mirrored + count - 1 - x, out + x);
    return;
  }
  // The last vector overlaps the one before it: where `out` is `cells`, what it reads is soon gone.
  const int last = count - kLanes;
  const VecF end = average_vector(cells, mirrored, last, last);
  for (int x = 0; x < last; x += kLanes) {
    store_cells(out + x, average_vector(cells, mirrored, x, last));
  }
  store_cells(out + last, end);
}

template <typename Cell>
void average_rows_of(const Cell* map, const Cell* mirrored, Cell* out, int height, int width,
                     bool shift) {
  // With `shift` the first column is a case of its own, and the others face each other again.
  const int first = shift && width > 0 ? 1 : 0;
  for (int y = 0; y < height; ++y, map += width, mirrored += width, out += width) {
    if (first == 1) average_one(map, mirrored + mirrored_column(0, width, true), out);
    average_run(map + first, mirrored + first, out + first, width - first);
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
