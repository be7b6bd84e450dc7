#pragma once

#include <cstdint>
#include <vector>

#include "common/pair.h"
#include "heatpose/associate.h"

namespace heatpose {

struct PersonRow {
  std::vector<std::int32_t> peaks;  // [K], -1 where missing
  double score = 0;
  int parts = 0;
};

/// What assembly sees of one image: peak scores [K, M].
struct PeakScores {
  const float* scores;
  int max_peaks;
  double at(int keypoint, int peak) const {
    return scores[static_cast<std::int64_t>(keypoint) * max_peaks + peak];
  }
};

/// Limb by limb, in the skeleton's order. A pair joins the person that has one of its peaks in
/// these two slots; two such people merge when they share no part; with none, the pair starts a
/// person where its limb may. Where a slot is filled by another peak, or two people share a part,
/// the pair is dropped, so that a peak belongs to one person at most.
///
/// `classic`: only the second slot is looked at, and it is overwritten, as the Python programs do
/// (a peak can then be in two people). With three people the pair is ignored; they crash.
std::vector<PersonRow> assemble_by_limbs(const std::vector<std::vector<Pair>>& pairs,
                                         const PeakScores& peaks, int keypoints,
                                         const LimbsView& limbs, bool classic);

/// All pairs of all limbs in one list, best first by pair score + peak_weight * peak scores, and a
/// union of people as the list is walked. `pairs` keeps only those that were used.
std::vector<PersonRow> assemble_globally(std::vector<std::vector<Pair>>& pairs,
                                         const PeakScores& peaks, int keypoints,
                                         const LimbsView& limbs, float peak_weight);

}  // namespace heatpose
