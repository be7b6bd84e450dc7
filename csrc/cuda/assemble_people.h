#pragma once

// One block makes the people of one image of its pairs.

#include "cuda/arena.h"
#include "cuda/block.h"
#include "cuda/pair_lists.h"
#include "cuda/sort_pairs.h"
#include "cuda/walk_pairs.h"
#include "cuda/write_people.h"

namespace heatpose {

constexpr int kAssembleThreads = 512;

/// Memory of the assembling kernels: shared memory, and a part of the workspace for each block.
struct AssembleRoom {
  std::int64_t near_bytes;
  char* far;
  std::int64_t far_bytes;  ///< for each image
};

HEATPOSE_DEVICE Arena open_arena(const AssembleRoom& room) {
  return {dynamic_shared(), room.near_bytes, room.far + block_index() * room.far_bytes};
}

/// The pairs that match_pairs() took, one limb after the other.
struct TakenPairs {
  const std::int32_t* pairs;  // [L, M, 2]
  const float* scores;        // [L, M]
  std::int64_t max_peaks;
  const int* starts;  // [L + 1]
  int limbs;

  HEATPOSE_METHOD RankedPair at(int place) const {
    int low = 0, high = limbs;  // starts[low] <= place < starts[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (starts[middle] <= place ? low : high) = middle;
    }
    const std::int64_t i = low * max_peaks + place - starts[low];
    return {0.0, low, {scores[i], pairs[2 * i], pairs[2 * i + 1]}};
  }
};

HEATPOSE_DEVICE TakenPairs taken_pairs(const PeakSetView& peaks, const LimbsView& limbs,
                                       const AssociationView& out, std::int64_t image, int* starts,
                                       int* count) {
  const std::int64_t row = image * limbs.count;
  const std::int32_t* counts = out.pair_counts + row;
  *count = write_starts(limbs.count, starts, [&](int limb) { return counts[limb]; });
  return {out.pairs + row * peaks.max_peaks * 2, out.pair_scores + row * peaks.max_peaks,
          peaks.max_peaks, starts, limbs.count};
}

HEATPOSE_DEVICE Step make_step(const PeakSetView& peaks, const LimbsView& limbs, const Walk& walk,
                               std::int64_t image, const RankedPair& pair) {
  Step step;
  step.keypoint_a = limbs.parts[2 * pair.limb];
  step.keypoint_b = limbs.parts[2 * pair.limb + 1];
  step.peak_a = walk.first_peak[step.keypoint_a] + pair.pair.a;
  step.peak_b = walk.first_peak[step.keypoint_b] + pair.pair.b;
  step.score_a = peak_score(peaks, image, step.keypoint_a, pair.pair.a);
  step.score_b = peak_score(peaks, image, step.keypoint_b, pair.pair.b);
  step.pair_score = pair.pair.score;
  return step;
}

/// The people that a walk ends with. The claims are of no more use, and lend their room.
HEATPOSE_DEVICE void write_walk(const Walk& walk, const PeakSetView& peaks,
                                const AssociateOptions& options, const AssociationView& out,
                                std::int64_t image) {
  sync_block();
  const int people = *walk.people;
  for (int p = thread_index(); p < people; p += block_threads()) {
    if (walk.came_into[p] >= 0) walk.parts[p] = -1;
  }
  sync_block();
  rank_people({people, walk.born, walk.parts, walk.scores, walk.person_claims, walk.peak_claims},
              options, out, image);
  std::int32_t* rows = out.people + image * out.max_people * peaks.keypoints;
  for (int k = warp_index(); k < peaks.keypoints; k += block_threads() / kWarp) {
    const int first = walk.first_peak[k], end = walk.first_peak[k + 1];
    for (int i = first + lane_index(); i < end; i += kWarp) {
      const int person = person_of(walk, i);
      const int rank = person < 0 ? -1 : walk.peak_claims[person];
      if (rank >= 0) rows[static_cast<std::int64_t>(rank) * peaks.keypoints + k] = i - first;
    }
  }
}

/// "limbs": the pairs that were taken, limb by limb.
HEATPOSE_KERNEL_RESIDENT(kAssembleThreads, 1)
assemble_by_limbs(PeakSetView peaks, LimbsView limbs, AssociateOptions options,
                  std::int64_t first_image, AssembleRoom room, AssociationView out) {
  const std::int64_t image = first_image + block_index();
  Arena arena = open_arena(room);
  clear_people(out, image, peaks.keypoints);
  int count;
  const TakenPairs taken =
      taken_pairs(peaks, limbs, out, image, arena.take<int>(limbs.count + 1), &count);
  const Walk walk = start_walk(peaks, image, arena);
  for (int first = 0; first < count; first += block_threads()) {
    const int place = first + thread_index();
    Step step{};
    bool starts = false;
    if (place < count) {
      const RankedPair pair = taken.at(place);
      step = make_step(peaks, limbs, walk, image, pair);
      starts = limbs.starts[pair.limb] != 0;
    }
    walk_on(walk, step, place < count, first, starts, false);
  }
  write_walk(walk, peaks, options, out, image);
}

/// Appends the pairs that were used to the output of their limbs, in the order of the walk.
/// `limb_used` has the limbs of block_threads() pairs, -1 where a pair was not used.
HEATPOSE_DEVICE void append_used(const int* limb_used, const RankedPair* pairs, int limbs,
                                 std::int64_t max_peaks, const AssociationView& out,
                                 std::int64_t image) {
  const int warps = block_threads() / kWarp;
  for (int limb = warp_index(); limb < limbs; limb += warps) {
    const std::int64_t row = image * limbs + limb;
    int count = out.pair_counts[row];  // this warp's own
    for (int first = 0; first < block_threads(); first += kWarp) {
      const bool used = limb_used[first + lane_index()] == limb;
      const std::uint32_t all = warp_ballot(used);
      // A person has one pair of a limb at most, so that there is room for all.
      const std::int64_t at = row * max_peaks + count + warp_rank(all);
      if (used && at < (row + 1) * max_peaks) {
        const Pair& pair = pairs[first + lane_index()].pair;
        out.pairs[2 * at] = pair.a;
        out.pairs[2 * at + 1] = pair.b;
        out.pair_scores[at] = pair.score;
      }
      count += popcount(all);
    }
    if (lane_index() == 0) out.pair_counts[row] = count;
    sync_warp();
  }
}

/// "global": all accepted pairs of all limbs, best first.
HEATPOSE_KERNEL_RESIDENT(kAssembleThreads, 1)
assemble_globally(PeakSetView peaks, LimbsView limbs, AssociateOptions options, PairRoom pairs,
                  AssembleRoom room, AssociationView out) {
  HEATPOSE_SHARED int limb_used[kAssembleThreads];
  const std::int64_t image = pairs.first_image + block_index();
  const std::int64_t max_peaks = peaks.max_peaks;
  clear_people(out, image, peaks.keypoints);
  for (int limb = thread_index(); limb < limbs.count; limb += block_threads()) {
    out.pair_counts[image * limbs.count + limb] = 0;
  }
  RankedPair* list = pairs.ranked + block_index() * limbs.count * pairs.pairs;
  const int count = pairs.counts[block_index()];
  sort_pairs(list, count, static_cast<RankedPair*>(dynamic_shared()), room.near_bytes);

  Arena arena = open_arena(room);
  const Walk walk = start_walk(peaks, image, arena);
  for (int first = 0; first < count; first += block_threads()) {
    const int place = first + thread_index();
    Step step{};
    int limb = -1;
    if (place < count) {
      step = make_step(peaks, limbs, walk, image, list[place]);
      limb = list[place].limb;
    }
    const bool used = walk_on(walk, step, place < count, first, true, true);
    limb_used[thread_index()] = used ? limb : -1;
    sync_block();
    append_used(limb_used, list + first, limbs.count, max_peaks, out, image);
    // Before the next pairs' come barriers.
  }
  sync_block();
  for (int limb = warp_index(); limb < limbs.count; limb += block_threads() / kWarp) {
    const std::int64_t row = image * limbs.count + limb;
    for (std::int64_t i = out.pair_counts[row] + lane_index(); i < max_peaks; i += kWarp) {
      const std::int64_t at = row * max_peaks + i;
      out.pairs[2 * at] = out.pairs[2 * at + 1] = -1;
      out.pair_scores[at] = 0.0f;
    }
  }
  write_walk(walk, peaks, options, out, image);
}

}  // namespace heatpose
