// Compiled without fused multiply-adds (CMakeLists.txt): a sum that falls on the other side of one
// half would be another grey level, so every unit must add up the same bits.

#include "cpu/simd/half.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

typedef float Pixel __attribute__((vector_size(16)));  // red, green, blue, idle

HEATPOSE_INLINE Pixel load_pixel(const float* p) {
  Pixel pixel;
  std::memcpy(&pixel, p, sizeof pixel);
  return pixel;
}
HEATPOSE_INLINE void store_pixel(float* p, Pixel pixel) { std::memcpy(p, &pixel, sizeof pixel); }

HEATPOSE_INLINE Pixel cubic_pixel(const float* pixels, std::int32_t base, const float* w) {
  const float* tap = pixels + 4 * (base + 1);  // the frame starts at pixel -2
  return load_pixel(tap) * w[0] + load_pixel(tap + 4) * w[1] + load_pixel(tap + 8) * w[2] +
         load_pixel(tap + 12) * w[3];
}

/// Clamped to 0..255 and rounded half to even: adding 1.5 * 2^23 leaves no bits for a fraction.
constexpr float kRound = 12582912.0f;

HEATPOSE_INLINE VecF grey_level(VecF value) {
  return (vmin(vmax(value, splat(0.0f)), splat(255.0f)) + kRound) - kRound;
}
HEATPOSE_INLINE float grey_level(float value) {
  const float low = value > 0.0f ? value : 0.0f;
  return ((low < 255.0f ? low : 255.0f) + kRound) - kRound;
}

}  // namespace

void widen_row(const std::uint8_t* row, int width, float* pixels) {
  float* out = pixels + 8;
  int x = 0;
#if defined(__AVX2__)
  for (; x + 1 < width; ++x) {  // reads a byte of the next pixel
    std::int32_t bytes;
    std::memcpy(&bytes, row + 3 * x, sizeof bytes);
    _mm_storeu_ps(out + 4 * x, _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes))));
  }
#endif
  for (; x < width; ++x) {
    const Pixel pixel = {static_cast<float>(row[3 * x]), static_cast<float>(row[3 * x + 1]),
                         static_cast<float>(row[3 * x + 2]), 0.0f};
    store_pixel(out + 4 * x, pixel);
  }
  const Pixel first = load_pixel(out), last = load_pixel(out + 4 * (width - 1));
  for (int k = 0; k < 2; ++k) store_pixel(pixels + 4 * k, first);
  for (int k = 0; k < 3; ++k) store_pixel(out + 4 * (width + k), last);
}

void resize_across(const float* pixels, const std::int32_t* base, const float* weights, int width,
                   float* const* planes) {
  float *red = planes[0], *green = planes[1], *blue = planes[2];
  int x = 0;
  for (; x + 4 <= width; x += 4) {
    const Pixel a = cubic_pixel(pixels, base[x], weights + 4 * x);
    const Pixel b = cubic_pixel(pixels, base[x + 1], weights + 4 * x + 4);
    const Pixel c = cubic_pixel(pixels, base[x + 2], weights + 4 * x + 8);
    const Pixel d = cubic_pixel(pixels, base[x + 3], weights + 4 * x + 12);
    const Pixel red_green_ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Pixel red_green_cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const Pixel blue_ab = __builtin_shufflevector(a, b, 2, 6, 2, 6);
    const Pixel blue_cd = __builtin_shufflevector(c, d, 2, 6, 2, 6);
    store_pixel(red + x, __builtin_shufflevector(red_green_ab, red_green_cd, 0, 1, 4, 5));
    store_pixel(green + x, __builtin_shufflevector(red_green_ab, red_green_cd, 2, 3, 6, 7));
    store_pixel(blue + x, __builtin_shufflevector(blue_ab, blue_cd, 0, 1, 4, 5));
  }
  for (; x < width; ++x) {
    const Pixel pixel = cubic_pixel(pixels, base[x], weights + 4 * x);
    red[x] = pixel[0];
    green[x] = pixel[1];
    blue[x] = pixel[2];
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
    const float value = r0[x] * w0 + r1[x] * w1 + r2[x] * w2 + r3[x] * w3;
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
