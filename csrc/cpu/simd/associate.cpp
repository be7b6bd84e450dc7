#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

void sample_wide(const float* plane_x, const float* plane_y, std::int64_t width,
                 const TouchedRow& y, const TouchedRow& x, float weight, float* fx, float* fy) {
  float sum_x = 0.0f, sum_y = 0.0f;
  for (int r = y.first; r <= y.last; ++r) {
    float across_x = 0.0f, across_y = 0.0f;
    for (int c = x.first; c <= x.last; ++c) {
      const float w = x.weights[c - x.first];
      across_x += w * plane_x[r * width + c];
      across_y += w * plane_y[r * width + c];
    }
    sum_x += y.weights[r - y.first] * across_x;
    sum_y += y.weights[r - y.first] * across_y;
  }
  *fx += weight * sum_x;
  *fy += weight * sum_y;
}

}  // namespace

void sample_field(const float* plane_x, const float* plane_y, std::int64_t width,
                  const TouchedRow& y, const TouchedRow& x, float weight, float* fx, float* fy) {
#if defined(__AVX2__)
  const int taps = x.last - x.first + 1;
  if (taps <= 8) {
    // Masked loads: cells that the pixel does not touch are neither read nor multiplied.
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(taps), lanes);
    const float* row_x = plane_x + y.first * width + x.first;
    const float* row_y = plane_y + y.first * width + x.first;
    __m256 sum_x = _mm256_setzero_ps(), sum_y = _mm256_setzero_ps();
    for (int r = 0; r <= y.last - y.first; ++r) {
      const __m256 w = _mm256_set1_ps(y.weights[r]);
      sum_x = _mm256_fmadd_ps(w, _mm256_maskload_ps(row_x, mask), sum_x);
      sum_y = _mm256_fmadd_ps(w, _mm256_maskload_ps(row_y, mask), sum_y);
      row_x += width;
      row_y += width;
    }
    const __m256 across = _mm256_maskload_ps(x.weights, mask);
    // One transposing add brings both sums into the lanes of one register.
    const __m256 both = _mm256_hadd_ps(_mm256_mul_ps(across, sum_x), _mm256_mul_ps(across, sum_y));
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
    const __m128 full = _mm_hadd_ps(half, half);
    *fx += weight * _mm_cvtss_f32(full);
    *fy += weight * _mm_cvtss_f32(_mm_movehdup_ps(full));
    return;
  }
#endif
  sample_wide(plane_x, plane_y, width, y, x, weight, fx, fy);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
