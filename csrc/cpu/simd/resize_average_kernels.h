#pragma once

#include <cstdint>

namespace heatpose {

/// The operator of one axis by blocks of 16 places of the canvas. Block b needs the cells from
/// start[b] on, and for each of them sixteen weights.
struct ResizeBlocks {
  const std::int32_t* start;  ///< [blocks]
  const std::int32_t* count;  ///< [blocks] cells, at most `stride`
  const float* weights;       ///< [blocks, stride, 16]
  int stride;
};

}  // namespace heatpose

// resize_average_down: one block of rows, out[16 * x + r] = sum over k of
//   weights[16 * k + r] * cells[k * stride + x], for x < width, a multiple of 16.
// resize_average_across: blocks [first, last) of sixteen rows of the canvas, from what
//   resize_average_down made of the cells of every scale: cells[16 * x + r], where the starts of
//   the blocks count x. Pixels of block b go to out[r] + 16 * (b - first). With `streamed`, stores
//   go past the caches, and out is aligned to 64 bytes.
#define HEATPOSE_KERNELS_RESIZE_AVERAGE(X)                                                 \
  X(resize_average_down, void,                                                             \
    (const float* cells, std::int64_t stride, const float* weights, int count, int width,  \
     float* out))                                                                          \
  X(resize_average_across, void,                                                           \
    (const float* cells, const ResizeBlocks* scales, int scale_count, int first, int last, \
     float* const* out, bool streamed))
