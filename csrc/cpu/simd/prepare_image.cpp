// Compiled without fused multiply-adds (CMakeLists.txt): a sum that falls on the other side of one
// half would be another grey level, so every unit must add up the same bits.

#include "common/cubic_rule.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/store_halves.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

#if defined(__AVX2__)

HEATPOSE_INLINE std::int32_t word_at(const std::uint8_t* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// Several pixels of [red, green, blue, idle].
//   tap           tap k of the pixels whose first taps are `at`, from whole words: the fourth
//                 byte is the next pixel's and counts for nothing
//   spread        each of the pixels' weights, four times
//   store_planes  one row per channel
#if defined(__AVX512F__)
constexpr int kPixels = 4;
typedef __m512 Pixels;

HEATPOSE_INLINE Pixels tap(const std::uint8_t* const* at, int k) {
  const __m128i words = _mm_setr_epi32(word_at(at[0] + 3 * k), word_at(at[1] + 3 * k),
                                       word_at(at[2] + 3 * k), word_at(at[3] + 3 * k));
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(words));
}
HEATPOSE_INLINE Pixels spread(const float* weights) {
  const __m512i each = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  return _mm512_permutexvar_ps(each, _mm512_castps128_ps512(_mm_loadu_ps(weights)));
}
HEATPOSE_INLINE void store_planes(float* const* planes, int x, Pixels pixels) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512 sorted = _mm512_permutexvar_ps(order, pixels);
  _mm_storeu_ps(planes[0] + x, _mm512_castps512_ps128(sorted));
  _mm_storeu_ps(planes[1] + x, _mm512_extractf32x4_ps(sorted, 1));
  _mm_storeu_ps(planes[2] + x, _mm512_extractf32x4_ps(sorted, 2));
}
#else
constexpr int kPixels = 2;
typedef __m256 Pixels;

HEATPOSE_INLINE Pixels tap(const std::uint8_t* const* at, int k) {
  const __m128i words = _mm_setr_epi32(word_at(at[0] + 3 * k), word_at(at[1] + 3 * k), 0, 0);
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(words));
}
HEATPOSE_INLINE Pixels spread(const float* weights) {
  return _mm256_setr_m128(_mm_set1_ps(weights[0]), _mm_set1_ps(weights[1]));
}
HEATPOSE_INLINE void store_planes(float* const* planes, int x, Pixels pixels) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256 sorted = _mm256_permutevar8x32_ps(pixels, order);
  _mm_storel_pi((__m64*)(planes[0] + x), _mm256_castps256_ps128(sorted));
  _mm_storeh_pi((__m64*)(planes[1] + x), _mm256_castps256_ps128(sorted));
  _mm_storel_pi((__m64*)(planes[2] + x), _mm256_extractf128_ps(sorted, 1));
}
#endif

#endif  // __AVX2__

using heatpose::grey_level;
HEATPOSE_INLINE VecF grey_level(VecF value) {
  return (vmin(vmax(value, splat(0.0f)), splat(255.0f)) + kRound) - kRound;
}

}  // namespace

void frame_row(const std::uint8_t* row, int width, std::uint8_t* framed) {
  const std::uint8_t* last = row + 3 * (width - 1);
  std::uint8_t* out = framed;
  for (int k = 0; k < 2; ++k, out += 3) std::memcpy(out, row, 3);
  std::memcpy(out, row, 3 * static_cast<std::size_t>(width));
  out += 3 * width;
  for (int k = 0; k < 3; ++k, out += 3) std::memcpy(out, last, 3);
  std::memset(out, 0, 16);
}

void resize_across(const std::uint8_t* framed, const std::int32_t* base, const float* weights,
                   int width, float* const* planes) {
  const float *w0 = weights, *w1 = w0 + width, *w2 = w1 + width, *w3 = w2 + width;
  int x = 0;
#if defined(__AVX2__)
  for (; x + kPixels <= width; x += kPixels) {
    const std::uint8_t* at[kPixels];  // the first tap: the frame starts at pixel -2
    for (int i = 0; i < kPixels; ++i) at[i] = framed + 3 * (base[x + i] + 1);
    Pixels sum = tap(at, 0) * spread(w0 + x);
    sum += tap(at, 1) * spread(w1 + x);
    sum += tap(at, 2) * spread(w2 + x);
    sum += tap(at, 3) * spread(w3 + x);
    store_planes(planes, x, sum);
  }
#endif
  for (; x < width; ++x) {
    const std::uint8_t* at = framed + 3 * (base[x] + 1);
    for (int c = 0; c < 3; ++c) {
      planes[c][x] = cubic_sum(at[c], at[3 + c], at[6 + c], at[9 + c], w0[x], w1[x], w2[x], w3[x]);
    }
  }
}

void resize_down(const float* const* rows, const float* weights, int width, float norm_scale,
                 float norm_offset, float* out) {
  const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
  const float w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
  int x = 0;
  for (; x + kLanes <= width; x += kLanes) {
    const VecF value =
        load(r0 + x) * w0 + load(r1 + x) * w1 + load(r2 + x) * w2 + load(r3 + x) * w3;
    store(out + x, grey_level(value) * norm_scale + norm_offset);
  }
  for (; x < width; ++x) {
    const float value = cubic_sum(r0[x], r1[x], r2[x], r3[x], w0, w1, w2, w3);
    out[x] = grey_level(value) * norm_scale + norm_offset;
  }
}

void shade_row(const std::uint8_t* row, int channel, int width, float norm_scale, float norm_offset,
               float* out) {
  for (int x = 0; x < width; ++x) {
    out[x] = static_cast<float>(row[3 * x + channel]) * norm_scale + norm_offset;
  }
}

void floats_to_halves(const float* row, int width, std::uint16_t* out) {
  store_halves(row, width, out);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
