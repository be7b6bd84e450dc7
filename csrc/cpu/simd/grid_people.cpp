#include "common/grid_rule.h"
#include "cpu/simd/kernels.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

// Pair by pair: with a pair in each lane and gathered cells, 50 people took as long (0.43 ms and
// 0.44 ms), because most of it is the reading of cells.
void score_pairs_row(const float* field_x, const float* field_y, int height, int width,
                     const float* from, const float* to, int count, const float* shares,
                     int samples, float* scores) {
  const auto share_of = [=](int i) { return shares[i]; };
  for (int j = 0; j < count; ++j) {
    scores[j] = mean_along(field_x, field_y, height, width, from, to + 2 * j, samples, share_of);
  }
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
