#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

bool threshold_tile(const float* pixels, int height, int width, float threshold,
                    std::uint16_t* rows) {
  const VecF limit = splat(threshold);
  const std::uint32_t own = (1u << width) - 1;
  std::uint32_t any = 0;
  for (int y = 0; y < height; ++y) {
    const float* row = pixels + (y + 1) * 16 + 1;
    std::uint32_t bits = 0;
    for (int x = 0; x < width; x += kLanes) bits |= lane_bits(load(row + x) > limit) << x;
    bits &= own;
    rows[y] = static_cast<std::uint16_t>(bits);
    any |= bits;
  }
  return any != 0;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
