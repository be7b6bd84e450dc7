#pragma once

// The rules of grid_people.h. Places are shares of a map's width and height: 0 is the left or upper
// border, 1 the right or lower one, and the middle of pixel 0 lies at 0.5 / size.
//
// Everything is float, in a fixed order, because another program's answers are repeated to the last
// bit.

#include <cmath>
#include <cstdint>

#include "common/border_rule.h"
#include "common/macros.h"

namespace heatpose {

/// How many peaks there are, whatever an array on a device says.
HEATPOSE_RULE int peak_count(std::int32_t count, int max_peaks) {
  return count < 0 ? 0 : count < max_peaks ? count : max_peaks;
}

/// The centre of the values in the window around a pixel, as shares (x, y); the map is mirrored at
/// its border. A pixel outside the map has none: (0, 0).
HEATPOSE_RULE void window_centre(const float* map, int height, int width, int x, int y, int reach,
                                 float* share) {
  share[0] = share[1] = 0.0f;
  if (x < 0 || x >= width || y < 0 || y >= height) return;
  float sum_x = 0.0f, sum_y = 0.0f, sum = 0.0f;
  for (int row = y - reach; row <= y + reach; ++row) {
    const float* values =
        map + static_cast<std::int64_t>(border_index(row, height, Border::kMirror)) * width;
    for (int column = x - reach; column <= x + reach; ++column) {
      const float weight = values[border_index(column, width, Border::kMirror)];
      sum_x += weight * static_cast<float>(column);
      sum_y += weight * static_cast<float>(row);
      sum += weight;
    }
  }
  share[0] = (sum_x / sum + 0.5f) / static_cast<float>(width);
  share[1] = (sum_y / sum + 0.5f) / static_cast<float>(height);
}

/// Where on the way sample i of `samples` lies; of one alone, nowhere.
HEATPOSE_RULE float sample_share(int i, int samples) {
  return static_cast<float>(i) / static_cast<float>(samples - 1);
}

/// The length of a way, and a little: nothing is divided by zero.
HEATPOSE_RULE float padded_norm(float dx, float dy) {
  return static_cast<float>(static_cast<double>(sqrtf(dx * dx + dy * dy)) + 1e-5);
}

/// The mean of a field along the way from share a to share b: `samples` points, both ends included,
/// each in the cell that it lies in. Points outside the map add nothing to the sum, and count.
/// share_of(i) is sample_share(i, samples).
template <typename ShareOf>
HEATPOSE_RULE float mean_along(const float* field_x, const float* field_y, int height, int width,
                               const float* a, const float* b, int samples,
                               const ShareOf& share_of) {
  const float wide = static_cast<float>(width), high = static_cast<float>(height);
  const float x = a[0] * wide, y = a[1] * high;
  const float dx = b[0] * wide - x, dy = b[1] * high - y;
  const float norm = padded_norm(dx, dy);
  const float ux = dx / norm, uy = dy / norm;
  // Towards zero, so that what lies less than a cell outside the left border counts as inside.
  const auto inside = [=](float at_x, float at_y) {
    return at_x > -1.0f && at_x < wide && at_y > -1.0f && at_y < high;
  };
  // Rounding keeps the order: where both ends are inside, everything between them is.
  const bool all_inside = inside(x, y) && inside(x + dx, y + dy);
  float sum = 0.0f;
  for (int i = 0; i < samples; ++i) {
    const float share = share_of(i);
    const float at_x = x + share * dx, at_y = y + share * dy;
    // One sample alone has no share: NaN is nowhere.
    if (!(all_inside && share >= 0.0f) && !inside(at_x, at_y)) continue;
    const std::int64_t cell =
        static_cast<std::int64_t>(static_cast<int>(at_y)) * width + static_cast<int>(at_x);
    const float along_x = field_x[cell] * ux, along_y = field_y[cell] * uy;
    sum += along_y + along_x;
  }
  return sum / static_cast<float>(samples);
}

/// What an assignment pays for a pair. A score that is not finite is as good as none.
HEATPOSE_RULE double pair_cost(float score) {
  return score - score == 0.0f ? -static_cast<double>(score) : 0.0;
}

/// Whether a pair that was assigned is a connection.
HEATPOSE_RULE bool is_connection(float score, float threshold) {
  return score > threshold && score - score == 0.0f;
}

}  // namespace heatpose
