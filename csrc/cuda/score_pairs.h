#pragma once

// Scores of all pairs of peaks that limbs could join: common/pair_rule.h on a device.

#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/pair_lists.h"

namespace heatpose {

constexpr int kScoreThreads = 128;

/// Columns that a pixel touches where a map is enlarged with cubic interpolation twice, and rows:
/// so many cells are in flight at once. Wider operators take several turns.
constexpr int kSpan = 5, kRows = 2;

/// The averages of two channels at pixel (x, y): sample() of device_scales.h for both at once.
template <typename Cell>
HEATPOSE_DEVICE void sample_field(const DeviceScales<Cell>& set, std::int64_t image,
                                  const std::int32_t* channels, int x, int y, float* field_x,
                                  float* field_y) {
  float sum_x = 0.0f, sum_y = 0.0f;
  for (int s = 0; s < set.count; ++s) {
    const DeviceScale<Cell>& scale = set.scales[s];
    const Cell* const plane_x = scale.plane(image, channels[0]).cells;
    const Cell* const plane_y = scale.plane(image, channels[1]).cells;
    const int first_x = scale.x.first(x), last_x = scale.x.last(x);
    const int first_y = scale.y.first(y), last_y = scale.y.last(y);
    const int start_x = scale.x.start(x), start_y = scale.y.start(y);
    const float *weights_x = scale.x.weights(x), *weights_y = scale.y.weights(y);
    float value_x = 0.0f, value_y = 0.0f;
    for (int c = first_x; c <= last_x; c += kSpan) {
      // What is left of a turn reads the last column or row again, which the pixel touches anyway.
      float w[kSpan];
      std::int64_t columns[kSpan];
      HEATPOSE_UNROLL
      for (int j = 0; j < kSpan; ++j) {
        const int column = c + j < last_x ? c + j : last_x;
        w[j] = c + j <= last_x ? weights_x[column - start_x] : 0.0f;
        columns[j] = column * scale.column_stride;
      }
      for (int r = first_y; r <= last_y; r += kRows) {
        float down[kRows], cells_x[kRows][kSpan], cells_y[kRows][kSpan];
        HEATPOSE_UNROLL
        for (int i = 0; i < kRows; ++i) {  // all loads before the first use
          const int row = r + i < last_y ? r + i : last_y;
          down[i] = r + i <= last_y ? weights_y[row - start_y] : 0.0f;
          const Cell *at_x = plane_x + row * scale.row_stride,
                     *at_y = plane_y + row * scale.row_stride;
          HEATPOSE_UNROLL
          for (int j = 0; j < kSpan; ++j) {
            cells_x[i][j] = to_float(at_x[columns[j]]);
            cells_y[i][j] = to_float(at_y[columns[j]]);
          }
        }
        HEATPOSE_UNROLL
        for (int i = 0; i < kRows; ++i) {
          float across_x = 0.0f, across_y = 0.0f;
          HEATPOSE_UNROLL
          for (int j = 0; j < kSpan; ++j) {
            across_x = multiply_add(w[j], cells_x[i][j], across_x);
            across_y = multiply_add(w[j], cells_y[i][j], across_y);
          }
          value_x = multiply_add(down[i], across_x, value_x);
          value_y = multiply_add(down[i], across_y, value_y);
        }
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

HEATPOSE_DEVICE PairLine line_of(const PeakSetView& peaks, const LimbEnds& ends, int pair,
                                 const PairOptions& o) {
  const int a = pair / ends.count_b, b = pair % ends.count_b;
  const std::int64_t from = peak_index(peaks, ends.image, ends.keypoint_a, a);
  const std::int64_t to = peak_index(peaks, ends.image, ends.keypoint_b, b);
  return pair_line(peaks.place(from, 0), peaks.place(from, 1), peaks.place(to, 0),
                   peaks.place(to, 1), o);
}

/// Hands a score on: "limbs" all of them, "global" those of accepted pairs.
HEATPOSE_DEVICE void keep_score(const PeakSetView& peaks, const LimbsView& limbs,
                                const AssociateOptions& options, const PairRoom& room,
                                const LimbEnds& ends, int row, int pair, double score) {
  const auto value = static_cast<float>(score);
  if (room.scores != nullptr) {
    room.scores[row * room.pairs + pair] = score > 0 ? value : -1.0f;
  } else if (score > 0) {
    const int image = row / limbs.count;
    const int a = pair / ends.count_b, b = pair % ends.count_b;
    const double rank =
        pair_rank(value, peak_score(peaks, ends.image, ends.keypoint_a, a),
                  peak_score(peaks, ends.image, ends.keypoint_b, b), options.peak_weight);
    const std::int64_t place = atomic_add(&room.counts[image], 1);
    room.ranked[image * limbs.count * room.pairs + place] = {rank, ends.limb, {value, a, b}};
  }
}

/// Blocks: [slices, images, L], a slice being some of a limb's pairs. How many pairs there are,
/// only the device knows: the slices that all limbs have come first, and nobody waits for the empty
/// ones.
template <typename Cell>
HEATPOSE_KERNEL_RESIDENT(kScoreThreads, 4)
score_pairs(PeakSetView peaks, DeviceScales<Cell> fields, LimbsView limbs, AssociateOptions options,
            PairRoom room, int rows, int lanes) {
  HEATPOSE_SHARED PairLine lines[kScoreThreads];
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
    sync_warp();  // the lines before have been read
    if (lane_index() < in_warp && first + lane_index() < pairs) {
      lines[thread_index()] =
          line_of(peaks, ends, static_cast<int>(first) + lane_index(), options.pair);
    }
    sync_warp();
    const bool mine = group < in_warp && first + group < pairs;
    const PairLine& line = lines[warp_index() * kWarp + group];
    const double score = score_pair(fields, ends.image, limbs.channels + 2 * ends.limb, line, mine,
                                    first_lane, lanes, options.pair);
    if (mine && lane_index() == first_lane) {
      keep_score(peaks, limbs, options, room, ends, row, static_cast<int>(first) + group, score);
    }
  }
}

}  // namespace heatpose
