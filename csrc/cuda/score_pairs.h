#pragma once

// Scores of all pairs of peaks that limbs could join: common/pair_rule.h on a device.

#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/pair_lists.h"

namespace heatpose {

constexpr int kScoreThreads = 128;

/// Cells that a pixel touches along an axis where a map is enlarged, with cubic interpolation
/// twice: that many are in flight at once. Wider operators take several turns.
constexpr int kSpan = 5;

/// The averages of two channels at pixel (x, y): sample() of device_scales.h for both at once.
template <typename Cell>
HEATPOSE_DEVICE void sample_field(const DeviceScales<Cell>& set, std::int64_t image,
                                  const std::int32_t* channels, int x, int y, float* field_x,
                                  float* field_y) {
  float sum_x = 0.0f, sum_y = 0.0f;
  for (int s = 0; s < set.count; ++s) {
    const DeviceScale<Cell>& scale = set.scales[s];
    const DevicePlane<Cell> plane_x = scale.plane(image, channels[0]);
    const DevicePlane<Cell> plane_y = scale.plane(image, channels[1]);
    const int first_x = scale.x.first(x), last_x = scale.x.last(x);
    const int first_y = scale.y.first(y), last_y = scale.y.last(y);
    const int start_x = scale.x.start(x), start_y = scale.y.start(y);
    const float *weights_x = scale.x.weights(x), *weights_y = scale.y.weights(y);
    float value_x = 0.0f, value_y = 0.0f;
    for (int c = first_x; c <= last_x; c += kSpan) {
      float w[kSpan];
      HEATPOSE_UNROLL
      for (int j = 0; j < kSpan; ++j) {
        w[j] = c + j <= last_x ? weights_x[c + j - start_x] : 0.0f;
      }
      for (int r = first_y; r <= last_y; ++r) {
        // All loads before the first use.
        float cells_x[kSpan], cells_y[kSpan];
        HEATPOSE_UNROLL
        for (int j = 0; j < kSpan; ++j) {
          cells_x[j] = c + j <= last_x ? plane_x.at(r, c + j) : 0.0f;
          cells_y[j] = c + j <= last_x ? plane_y.at(r, c + j) : 0.0f;
        }
        float across_x = 0.0f, across_y = 0.0f;
        HEATPOSE_UNROLL
        for (int j = 0; j < kSpan; ++j) {
          across_x = multiply_add(w[j], cells_x[j], across_x);
          across_y = multiply_add(w[j], cells_y[j], across_y);
        }
        const float down = weights_y[r - start_y];
        value_x = multiply_add(down, across_x, value_x);
        value_y = multiply_add(down, across_y, value_y);
      }
    }
    sum_x = multiply_add(scale.weight, value_x, sum_x);
    sum_y = multiply_add(scale.weight, value_y, sum_y);
  }
  *field_x = sum_x;
  *field_y = sum_y;
}

/// The score of one pair, by `lanes` lanes of a warp from `first_lane` on, one sample each at a
/// time. All lanes of the warp take part, those without a pair with `mine` false; every lane of a
/// group gets its pair's score.
template <typename Cell>
HEATPOSE_DEVICE double score_pair(const DeviceScales<Cell>& fields, std::int64_t image,
                                  const std::int32_t* channels, const PairLine& line, bool mine,
                                  int first_lane, int lanes, const PairOptions& o) {
  const int width = fields.scales[0].x.rows, height = fields.scales[0].y.rows;
  const int lane = lane_index() - first_lane;
  const int allowed = allowed_failures(line.samples, o);
  const bool sound = mine && has_places(line) && allowed >= 0;
  int counted = 0, failed = 0;
  double sum = 0.0;
  for (int first = 0; warp_ballot(sound && failed <= allowed && first < line.samples) != 0;
       first += lanes) {
    const int i = first + lane;
    const bool sampled = sound && i < line.samples;
    double dot = 0.0;
    if (sampled) {
      float field_x, field_y;
      sample_field(fields, image, channels, sample_column(line, i, width, o),
                   sample_row(line, i, height, o), &field_x, &field_y);
      dot = along(line, field_x, field_y);
    }
    const std::uint32_t counts = warp_ballot(sampled && sample_counts(dot, o));
    // In the order of the samples, so that the sum is the CPU's.
    for (int k = 0; k < lanes; ++k) {
      const double other = shuffle(dot, (first_lane + k) & (kWarp - 1));
      if (first + k >= line.samples) continue;
      const bool counted_one = (counts >> ((first_lane + k) & (kWarp - 1)) & 1u) != 0;
      counted += counted_one ? 1 : 0;
      failed += counted_one ? 0 : 1;
      if (!o.mean_of_counted || counted_one) sum += other;
    }
  }
  if (!sound) return -1.0;
  if (failed > allowed) return lost_pair_score(line, height, width, o);
  return pair_score(sum, counted, line, height, o);
}

/// Blocks: [slices, images, L], a slice being some of a limb's pairs. How many pairs there are,
/// only the device knows: the slices that all limbs have come first, and nobody waits for the empty
/// ones.
template <typename Cell>
HEATPOSE_KERNEL_RESIDENT(kScoreThreads, 5)
score_pairs(PeakSetView peaks, DeviceScales<Cell> fields, LimbsView limbs, AssociateOptions options,
            PairRoom room, int rows, int lanes) {
  const int row = static_cast<int>(block_index()) % rows;
  const int slice = static_cast<int>(block_index()) / rows;
  const int slices = static_cast<int>(grid_blocks()) / rows;
  const LimbEnds ends = limb_ends(peaks, limbs, room, row);
  const std::int64_t pairs = static_cast<std::int64_t>(ends.count_a) * ends.count_b;
  const int in_warp = kWarp / lanes;
  const int at_once = in_warp * (block_threads() / kWarp);
  const int group = lane_index() / lanes, first_lane = group * lanes;
  for (std::int64_t first = static_cast<std::int64_t>(slice) * at_once + warp_index() * in_warp;
       first < pairs; first += static_cast<std::int64_t>(slices) * at_once) {
    const bool mine = group < in_warp && first + group < pairs;
    const int pair = static_cast<int>(mine ? first + group : 0);
    const int a = pair / ends.count_b, b = pair % ends.count_b;
    const std::int64_t at_a = peak_index(peaks, ends.image, ends.keypoint_a, a);
    const std::int64_t at_b = peak_index(peaks, ends.image, ends.keypoint_b, b);
    const PairLine line = pair_line(peaks.place(at_a, 0), peaks.place(at_a, 1),
                                    peaks.place(at_b, 0), peaks.place(at_b, 1), options.pair);
    const double score = score_pair(fields, ends.image, limbs.channels + 2 * ends.limb, line, mine,
                                    first_lane, lanes, options.pair);
    if (!mine || lane_index() != first_lane) continue;
    if (room.scores != nullptr) {
      room.scores[static_cast<std::int64_t>(row) * room.pairs + pair] =
          score > 0 ? static_cast<float>(score) : -1.0f;
    } else if (score > 0) {
      const int image = row / limbs.count;
      const std::int64_t at = static_cast<std::int64_t>(image) * limbs.count * room.pairs +
                              atomic_add(&room.counts[image], 1);
      const auto value = static_cast<float>(score);
      const double rank = pair_rank(value, static_cast<double>(peaks.scores[at_a]),
                                    static_cast<double>(peaks.scores[at_b]), options.peak_weight);
      room.ranked[at] = {rank, ends.limb, {value, a, b}};
    }
  }
}

}  // namespace heatpose
