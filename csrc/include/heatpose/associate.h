#pragma once

#include <cstdint>
#include <vector>

#include "common/pair_rule.h"
#include "common/scale_maps.h"
#include "common/scale_tables.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

enum class Matching : int {
  kLimbs = 0,   ///< limb by limb, best pairs first, people grow and merge (the Python programs)
  kGlobal = 1,  ///< all pairs of all limbs in one list, best first (the C++ OpenPose)
};

struct AssociateOptions {
  PairOptions pair;
  Matching matching = Matching::kLimbs;
  bool classic_conflicts =
      false;                 ///< conflicts as the classic programs resolve them, see assemble.h
  float peak_weight = 0.1f;  ///< share of the peaks' scores in the global order
  int min_parts = 4;
  float min_score = 0.4f;  ///< least score per part
};

/// Limbs of a skeleton, as arrays.
struct LimbsView {
  int count = 0;
  const std::int32_t* parts = nullptr;     ///< [L, 2] keypoints a and b
  const std::int32_t* channels = nullptr;  ///< [L, 2] field channels x and y
  const std::uint8_t* starts = nullptr;    ///< [L] 1 where a pair may start a person
};

struct PeakSetView {
  std::int64_t images = 0;
  int keypoints = 0, max_peaks = 0;
  const float* xy = nullptr;               ///< [N, K, M, 2] pixels
  const std::int32_t* whole_xy = nullptr;  ///< or these, whole ones
  const float* scores = nullptr;           ///< [N, K, M]
  const std::int32_t* counts = nullptr;    ///< [N, K]

  /// Coordinate `axis` (0 for x) of a peak, counted over all images, keypoints and peaks.
  HEATPOSE_METHOD double place(std::int64_t peak, int axis) const {
    const std::int64_t at = 2 * peak + axis;
    return static_cast<double>(xy != nullptr ? xy[at] : static_cast<float>(whole_xy[at]));
  }
};

/// Padded results; entries past a count are -1 (peaks) or 0.
struct AssociationView {
  int max_people = 0;
  std::int32_t* people;       ///< [N, P, K] index of the peak within its keypoint, -1 where missing
  float* scores;              ///< [N, P] sum of peak and pair scores
  std::int32_t* parts;        ///< [N, P]
  std::int32_t* counts;       ///< [N]
  std::uint8_t* overflow;     ///< [N] 1 where more than P people were found (the best are kept)
  std::int32_t* pairs;        ///< [N, L, M, 2] the pairs taken, best first
  float* pair_scores;         ///< [N, L, M]
  std::int32_t* pair_counts;  ///< [N, L]
};

/// Groups peaks into people along part affinity fields, which are sampled straight from the cells.
///   fields  one stack [N * channels, h, w] per scale
void associate_cpu(const PeakSetView& peaks, const std::vector<ScaleMaps>& fields, int channels,
                   const LimbsView& limbs, const AssociateOptions& options,
                   const AssociationView& out);

/// The same on a CUDA device: arrays of the device, maps of one of the cell types with any strides,
/// and `tables`, what write_tables() made of associate_tables(), brought there by the caller.
/// The limbs' arrays lie on the device, too; their entries have been checked. Counts are taken as
/// at most M, and a pair with a place that is not finite is rejected.
inline std::vector<TableSet> associate_tables() { return {TableSet{}}; }
void associate_cuda(const PeakSetView& peaks, const std::vector<ScaleMaps>& fields,
                    const std::int32_t* tables, int channels, const LimbsView& limbs,
                    const AssociateOptions& options, const AssociationView& out,
                    const CudaCall& call);

}  // namespace heatpose
