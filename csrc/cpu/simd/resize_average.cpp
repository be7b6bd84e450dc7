#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/stream.h"

// Both passes are dense products of a block: a weight vector for sixteen places, times one cell. A
// cell outside a place's own taps has weight zero there; with 1.3 times the products of the band
// it needs no shuffle, and weights are loaded once for as many rows as there are registers.

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

#if defined(__AVX512F__)
constexpr int kSums = 16;  // of 32 registers
#else
constexpr int kSums = 8;
#endif
constexpr int kAtOnce = kSums / kPerRow;  // columns or rows whose sums stay in registers

void write(float* out, const Row16& row, bool streamed) {
  if (streamed) {
    for (int i = 0; i < kPerRow; ++i) stream(out + i * kLanes, row.v[i]);
  } else {
    store16(out, row);
  }
}

}  // namespace

void resize_average_down(const float* cells, std::int64_t stride, const float* weights, int count,
                         int width, float* out) {
  for (int x = 0; x < width; x += kAtOnce) {
    Row16 sums[kAtOnce];
    for (Row16& sum : sums) sum = splat16(0.0f);
    for (int k = 0; k < count; ++k) {
      const Row16 weight = load16(weights + 16 * k);
      const float* cell = cells + k * stride + x;
      for (int i = 0; i < kAtOnce; ++i) add_product(sums[i], weight, cell[i]);
    }
    for (int i = 0; i < kAtOnce; ++i) store16(out + 16 * (x + i), sums[i]);
  }
}

void resize_average_across(const float* cells, const ResizeBlocks* scales, int scale_count,
                           int first, int last, float* const* out, bool streamed) {
  for (int block = first; block < last; ++block) {
    const std::int64_t x = 16 * static_cast<std::int64_t>(block - first);
    for (int row = 0; row < 16; row += kAtOnce) {
      Row16 sums[kAtOnce];
      for (Row16& sum : sums) sum = splat16(0.0f);
      for (int s = 0; s < scale_count; ++s) {
        const ResizeBlocks& scale = scales[s];
        const float* weights = scale.weights + 16 * static_cast<std::int64_t>(scale.stride) * block;
        const float* end = weights + 16 * static_cast<std::int64_t>(scale.count[block]);
        const float* cell = cells + 16 * static_cast<std::int64_t>(scale.start[block]) + row;
        for (; weights < end; weights += 16, cell += 16) {
          const Row16 weight = load16(weights);
          for (int i = 0; i < kAtOnce; ++i) add_product(sums[i], weight, cell[i]);
        }
      }
      for (int i = 0; i < kAtOnce; ++i) write(out[row + i] + x, sums[i], streamed);
    }
  }
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
