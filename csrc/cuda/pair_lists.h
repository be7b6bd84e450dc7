#pragma once

// What the kernels of associate.cu hand to each other, and how they see one limb of one image.

#include <cstdint>

#include "common/pair.h"
#include "cuda/block.h"
#include "heatpose/associate.h"

namespace heatpose {

/// The workspace of a group of images. "limbs" has the score of every pair; "global" a list of the
/// pairs that are accepted, in any order until it is sorted.
struct PairRoom {
  std::int64_t first_image;
  std::int64_t pairs;  ///< room for the pairs of one limb: M * M
  float* scores;       ///< limbs: [images, L, pairs] by (a, b), negative where rejected
  // global, [images, L * pairs]; counts [images]
  RankedPair* ranked;
  int* counts;
};

/// One limb of one image of the group: its two keypoints and how many peaks they have.
struct LimbEnds {
  std::int64_t image;  ///< of the batch
  int limb;
  int keypoint_a, keypoint_b;
  int count_a, count_b;
};

HEATPOSE_DEVICE int peak_count(const PeakSetView& peaks, std::int64_t image, int keypoint) {
  const int count = peaks.counts[image * peaks.keypoints + keypoint];
  return count < 0 ? 0 : count < peaks.max_peaks ? count : peaks.max_peaks;
}

/// `row` is image * L + limb within the group, and divided as an int: for 64 bits a device has to
/// call a function. A limb from a keypoint to itself has no pairs.
HEATPOSE_DEVICE LimbEnds limb_ends(const PeakSetView& peaks, const LimbsView& limbs,
                                   const PairRoom& room, int row) {
  LimbEnds ends;
  ends.image = room.first_image + row / limbs.count;
  ends.limb = row % limbs.count;
  ends.keypoint_a = limbs.parts[2 * ends.limb];
  ends.keypoint_b = limbs.parts[2 * ends.limb + 1];
  const bool apart = ends.keypoint_a != ends.keypoint_b;
  ends.count_a = apart ? peak_count(peaks, ends.image, ends.keypoint_a) : 0;
  ends.count_b = apart ? peak_count(peaks, ends.image, ends.keypoint_b) : 0;
  return ends;
}

HEATPOSE_DEVICE std::int64_t peak_index(const PeakSetView& peaks, std::int64_t image, int keypoint,
                                        int peak) {
  return (image * peaks.keypoints + keypoint) * peaks.max_peaks + peak;
}

HEATPOSE_DEVICE double peak_score(const PeakSetView& peaks, std::int64_t image, int keypoint,
                                  int peak) {
  return static_cast<double>(peaks.scores[peak_index(peaks, image, keypoint, peak)]);
}

}  // namespace heatpose
