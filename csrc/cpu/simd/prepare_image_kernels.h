#pragma once

#include <cstdint>

// A photo row of bytes becomes a row of 4-float pixels (the fourth is idle), framed by 2 copies of
// the first pixel and 3 of the last, so that no tap needs a border check:
//   widen_row      uint8 [W, 3] -> float [W + 5, 4]
//   resize_across  one row of the content, one plane per channel: pixel x is the sum of weights[x]
//                  over the taps base[x] - 1 .. base[x] + 2 (base in photo pixels, -1 .. W)
//   resize_down    four such rows of one channel -> grey levels, rounded and normalised
//   shade_row      one channel of a photo row that is not resized, normalised
//   floats_to_halves  a finished row in half precision
#define HEATPOSE_KERNELS_PREPARE_IMAGE(X)                                                  \
  X(widen_row, void, (const std::uint8_t* row, int width, float* pixels))                  \
  X(resize_across, void,                                                                   \
    (const float* pixels, const std::int32_t* base, const float* weights, int width,       \
     float* const* planes))                                                                \
  X(resize_down, void,                                                                     \
    (const float* const* rows, const float* weights, int width, float norm_scale,          \
     float norm_offset, float* out))                                                       \
  X(shade_row, void,                                                                       \
    (const std::uint8_t* row, int channel, int width, float norm_scale, float norm_offset, \
     float* out))                                                                          \
  X(floats_to_halves, void, (const float* row, int width, std::uint16_t* out))
