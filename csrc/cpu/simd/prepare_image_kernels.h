#pragma once

#include <cstdint>

// Photo rows come framed by 2 copies of their first pixel and 3 of their last, so that no tap needs
// a border check, and 16 bytes that may be read:
//   frame_row      uint8 [W, 3] -> uint8 [W + 5, 3] and the 16 bytes
//   resize_across  one row of the content, one plane per channel: pixel x is the sum over k of
//                  weights[k][x] times tap base[x] - 1 + k (base in photo pixels, -1 .. W;
//                  weights [4, width])
//   resize_down    four such rows of one channel -> grey levels, rounded and normalised
//   shade_row      one channel of a photo row that is not resized, normalised
//   floats_to_halves  a finished row in half precision
#define HEATPOSE_KERNELS_PREPARE_IMAGE(X)                                                   \
  X(frame_row, void, (const std::uint8_t* row, int width, std::uint8_t* framed))            \
  X(resize_across, void,                                                                    \
    (const std::uint8_t* framed, const std::int32_t* base, const float* weights, int width, \
     float* const* planes))                                                                 \
  X(resize_down, void,                                                                      \
    (const float* const* rows, const float* weights, int width, float norm_scale,           \
     float norm_offset, float* out))                                                        \
  X(shade_row, void,                                                                        \
    (const std::uint8_t* row, int channel, int width, float norm_scale, float norm_offset,  \
     float* out))                                                                           \
  X(floats_to_halves, void, (const float* row, int width, std::uint16_t* out))
