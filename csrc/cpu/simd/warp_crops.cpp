// Compiled without fused multiply-adds (CMakeLists.txt): the scalar code that decides which pixels
// are safe and the vector code that reads them must come to the same coordinate, bit for bit.

#include "common/warp_rule.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

/// Real x, both ends included; empty where first > last.
struct Range {
  double first, last;
};

/// Where low <= line <= high, up to rounding.
HEATPOSE_INLINE Range range_of(const CropLine& line, double low, double high, Range within) {
  if (line.step == 0) {
    return line.base >= low && line.base <= high ? within : Range{1, 0};
  }
  double first = (low - line.base) / line.step, last = (high - line.base) / line.step;
  if (line.step < 0) {
    const double swap = first;
    first = last;
    last = swap;
  }
  return {first > within.first ? first : within.first, last < within.last ? last : within.last};
}

HEATPOSE_INLINE void write_pixel(const float* levels, int x, const WarpOptions& o,
                                 float* const* planes) {
  for (int c = 0; c < 3; ++c) planes[c][x] = levels[c] * o.gain[c] + o.offset[c];
}

/// One pixel anywhere, the border blended in tap by tap.
void warp_pixel(const std::uint8_t* image, int height, int width, double sx, double sy, int x,
                const WarpOptions& o, float* const* planes) {
  float levels[3];
  levels_anywhere(image, height, width, sx, sy, o.border, levels);
  write_pixel(levels, x, o, planes);
}

#if defined(__AVX2__)

/// Coordinates of kLanes pixels, none negative: whole part and fraction.
struct Places {
  VecI whole;
  VecF fraction;
};

#if defined(__AVX512F__)
HEATPOSE_INLINE Places places(const CropLine& line, int x) {
  const __m512d lanes = _mm512_setr_pd(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512d step = _mm512_set1_pd(line.step), base = _mm512_set1_pd(line.base);
  const __m512d low = base + step * (lanes + _mm512_set1_pd(x));
  const __m512d high = base + step * (lanes + _mm512_set1_pd(x + 8));
  const __m256i whole_low = _mm512_cvttpd_epi32(low), whole_high = _mm512_cvttpd_epi32(high);
  const __m256 part_low = _mm512_cvtpd_ps(low - _mm512_cvtepi32_pd(whole_low));
  const __m256 part_high = _mm512_cvtpd_ps(high - _mm512_cvtepi32_pd(whole_high));
  return {(VecI)_mm512_inserti64x4(_mm512_castsi256_si512(whole_low), whole_high, 1),
          (VecF)_mm512_insertf32x8(_mm512_castps256_ps512(part_low), part_high, 1)};
}
HEATPOSE_INLINE VecI gather(const std::uint8_t* from, VecI offset) {
  return (VecI)_mm512_i32gather_epi32((__m512i)offset, from, 1);
}
HEATPOSE_INLINE VecF to_float(VecI v) { return (VecF)_mm512_cvtepi32_ps((__m512i)v); }
HEATPOSE_INLINE VecI shuffle_bytes(VecI v, VecI order) {
  return (VecI)_mm512_shuffle_epi8((__m512i)v, (__m512i)order);
}
#else
HEATPOSE_INLINE Places places(const CropLine& line, int x) {
  const __m256d lanes = _mm256_setr_pd(0, 1, 2, 3);
  const __m256d step = _mm256_set1_pd(line.step), base = _mm256_set1_pd(line.base);
  const __m256d low = base + step * (lanes + _mm256_set1_pd(x));
  const __m256d high = base + step * (lanes + _mm256_set1_pd(x + 4));
  const __m128i whole_low = _mm256_cvttpd_epi32(low), whole_high = _mm256_cvttpd_epi32(high);
  const __m128 part_low = _mm256_cvtpd_ps(low - _mm256_cvtepi32_pd(whole_low));
  const __m128 part_high = _mm256_cvtpd_ps(high - _mm256_cvtepi32_pd(whole_high));
  return {(VecI)_mm256_set_m128i(whole_high, whole_low),
          (VecF)_mm256_set_m128(part_high, part_low)};
}
HEATPOSE_INLINE VecI gather(const std::uint8_t* from, VecI offset) {
  return (VecI)_mm256_i32gather_epi32((const int*)from, (__m256i)offset, 1);
}
HEATPOSE_INLINE VecF to_float(VecI v) { return (VecF)_mm256_cvtepi32_ps((__m256i)v); }
HEATPOSE_INLINE VecI shuffle_bytes(VecI v, VecI order) {
  return (VecI)_mm256_shuffle_epi8((__m256i)v, (__m256i)order);
}
#endif

/// The order that moves byte `k` of each lane to its bottom and clears the rest.
HEATPOSE_INLINE VecI byte_order(int k) {
  VecI order;
  for (int i = 0; i < kLanes; ++i)
    order[i] = static_cast<std::int32_t>(0x80808000u + 4 * (i & 3) + k);
  return order;
}

/// kLanes pixels from x on, all four taps of each inside the photo. A word is a pixel and one byte
/// more, so the left taps are read from their own start and the right ones from a byte before
/// theirs: neither leaves the photo, whose last byte is the right tap's last.
HEATPOSE_INLINE void warp_vector(const std::uint8_t* image, int width, const CropLine& across,
                                 const CropLine& down, int x, const WarpOptions& o,
                                 float* const* planes) {
  const Places px = places(across, x), py = places(down, x);
  const VecI offset = (py.whole * width + px.whole) * 3;
  const std::uint8_t* below = image + 3 * static_cast<std::int64_t>(width);
  const VecI top_left = gather(image, offset), top_right = gather(image + 2, offset);
  const VecI bottom_left = gather(below, offset), bottom_right = gather(below + 2, offset);
  for (int c = 0; c < 3; ++c) {
    const VecI left = byte_order(c), right = byte_order(c + 1);
    const VecF a = to_float(shuffle_bytes(top_left, left));
    const VecF b = to_float(shuffle_bytes(top_right, right));
    const VecF d = to_float(shuffle_bytes(bottom_left, left));
    const VecF e = to_float(shuffle_bytes(bottom_right, right));
    const VecF top = a + (b - a) * px.fraction, bottom = d + (e - d) * px.fraction;
    store(planes[c] + x, (top + (bottom - top) * py.fraction) * o.gain[c] + o.offset[c]);
  }
}

#endif  // __AVX2__

}  // namespace

void warp_crop_row(const std::uint8_t* image, int height, int width, const double* matrix, int y,
                   int crop_width, const WarpOptions& options, float* const* planes) {
  const CropLine across = crop_line(matrix, y), down = crop_line(matrix + 3, y);
  const Range row{0, static_cast<double>(crop_width - 1)};

  // Pixels that touch the photo lie in [begin, end); one more on each side is for rounding.
  Range touched = range_of(across, -1, width, row);
  touched = range_of(down, -1, height, touched);
  int begin = 0, end = 0;
  if (touched.first <= touched.last) {
    begin = static_cast<int>(touched.first);
    begin -= begin > 0;
    end = static_cast<int>(touched.last) + 3;
    end = end < crop_width ? end : crop_width;
  }
  for (int c = 0; c < 3; ++c) {
    const float outside = options.border[c] * options.gain[c] + options.offset[c];
    for (int x = 0; x < begin; ++x) planes[c][x] = outside;
    for (int x = end; x < crop_width; ++x) planes[c][x] = outside;
  }

  // Pixels with all taps inside lie in [inner, outer): found with division, then put right by the
  // coordinates that the vectors will compute, whose ends bound all between them.
  int inner = begin, outer = begin;
  const bool addressable = static_cast<std::int64_t>(height) * width * 3 <= 0x7fffffff;
  Range inside = range_of(across, 0, width - 1, row);
  inside = range_of(down, 0, height - 1, inside);
  if (addressable && inside.first <= inside.last) {
    const auto safe = [&](int x) {
      return inside_photo(place_on(across, x), place_on(down, x), height, width);
    };
    inner = static_cast<int>(inside.first);
    outer = static_cast<int>(inside.last) + 1;
    inner = inner > begin ? inner : begin;
    outer = outer < end ? outer : end;
    inner = inner < outer ? inner : outer;
    while (inner < outer && !safe(inner)) ++inner;
    while (inner < outer && !safe(outer - 1)) --outer;
  }

  for (int x = begin; x < inner; ++x) {
    warp_pixel(image, height, width, place_on(across, x), place_on(down, x), x, options, planes);
  }
  int x = inner;
#if defined(__AVX2__)
  for (; x + kLanes <= outer; x += kLanes) {
    warp_vector(image, width, across, down, x, options, planes);
  }
  if (x < outer && outer - inner >= kLanes) {  // the last ones again, with their left neighbours
    warp_vector(image, width, across, down, outer - kLanes, options, planes);
    x = outer;
  }
#endif
  for (; x < outer; ++x) {
    float levels[3];
    levels_inside(image, width, place_on(across, x), place_on(down, x), levels);
    write_pixel(levels, x, options, planes);
  }
  for (; x < end; ++x) {
    warp_pixel(image, height, width, place_on(across, x), place_on(down, x), x, options, planes);
  }
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
