#pragma once

// `classic_conflicts`: a peak may come to be in two people, so that every pair has to look through
// all people, and the next pair can only go after it. One warp does it, a person a lane.

#include "cuda/assemble_people.h"

namespace heatpose {

/// The people in the order in which they were found, slots by keypoint: of the first `near` of
/// them in shared memory.
struct ClassicPeople {
  int near, far;
  std::int32_t* near_slots;  // [K, near]
  std::int32_t* far_slots;   // [K, far]
  int* born;
  int* parts;  // -1 once a person has come into another; all slots are empty then
  double* scores;

  HEATPOSE_METHOD std::int32_t& slot(int keypoint, int person) const {
    return person < near ? near_slots[static_cast<std::int64_t>(keypoint) * near + person]
                         : far_slots[static_cast<std::int64_t>(keypoint) * far + person - near];
  }

  /// Room in the workspace for `most` people.
  static std::int64_t room(std::int64_t keypoints, std::int64_t most) {
    return 4 * Arena::room<int>(most) + Arena::room<double>(most) +
           Arena::room<std::int32_t>(keypoints * most);
  }
};

HEATPOSE_DEVICE ClassicPeople classic_people(int keypoints, int most, Arena& arena) {
  ClassicPeople people;
  people.born = arena.take<int>(most);
  people.parts = arena.take<int>(most);
  people.scores = arena.take<double>(most);
  const int fit = keypoints > 0 ? arena.near<std::int32_t>() / keypoints : most;
  people.near = fit < most ? fit : most;
  people.far = most - people.near;
  people.near_slots = arena.take<std::int32_t>(static_cast<std::int64_t>(people.near) * keypoints);
  people.far_slots = arena.take<std::int32_t>(static_cast<std::int64_t>(people.far) * keypoints);
  return people;
}

/// A pair; peaks by their number within the keypoint.
struct ClassicStep {
  int keypoint_a, keypoint_b;
  int a, b;
  float pair_score;
  double score_a, score_b;
  bool starts;
};

/// The people who have one of a pair's peaks in its two slots.
struct Matches {
  int count = 0;
  int first = 0, second = 0;
};

/// The whole warp.
HEATPOSE_DEVICE Matches find_matches(const ClassicPeople& people, int count,
                                     const ClassicStep& step) {
  Matches found;
  for (int base = 0; base < count; base += kWarp) {
    const int person = base + lane_index();
    const bool matches = person < count && (people.slot(step.keypoint_a, person) == step.a ||
                                            people.slot(step.keypoint_b, person) == step.b);
    for (std::uint32_t all = warp_ballot(matches); all != 0; all &= all - 1) {
      if (found.count == 0) found.first = base + find_first(all);
      if (found.count == 1) found.second = base + find_first(all);
      ++found.count;
    }
  }
  return found;
}

/// The whole warp: whether both have a peak of some keypoint.
HEATPOSE_DEVICE bool share_a_part(const ClassicPeople& people, int keypoints, int p, int q) {
  std::uint32_t shared = 0;
  for (int first = 0; first < keypoints; first += kWarp) {
    const int k = first + lane_index();
    shared |= warp_ballot(k < keypoints && people.slot(k, p) >= 0 && people.slot(k, q) >= 0);
  }
  return shared != 0;
}

/// The second slot takes the pair's second peak, whatever was there.
HEATPOSE_DEVICE void overwrite(const ClassicPeople& people, int person, const ClassicStep& step) {
  people.slot(step.keypoint_b, person) = step.b;
  people.parts[person] += 1;
  people.scores[person] = grown_score(people.scores[person], step.score_b, step.pair_score);
}

/// The whole warp: a new person has both peaks.
HEATPOSE_DEVICE void start_classic(const ClassicPeople& people, int person, int keypoints,
                                   const ClassicStep& step) {
  for (int k = lane_index(); k < keypoints; k += kWarp) {
    people.slot(k, person) = k == step.keypoint_a ? step.a : k == step.keypoint_b ? step.b : -1;
  }
  if (lane_index() != 0) return;
  people.born[person] = person;
  people.parts[person] = 2;
  people.scores[person] = new_person_score(step.score_a, step.score_b, step.pair_score);
}

/// The whole warp: all of `from` comes into another person.
HEATPOSE_DEVICE void unite_classic(const ClassicPeople& people, int into, int from, int keypoints,
                                   const ClassicStep& step) {
  for (int k = lane_index(); k < keypoints; k += kWarp) {
    const int peak = people.slot(k, from);
    if (peak >= 0) people.slot(k, into) = peak;
    people.slot(k, from) = -1;
  }
  if (lane_index() != 0) return;
  people.parts[into] += people.parts[from];
  people.parts[from] = -1;
  people.scores[into] = united_score(people.scores[into], people.scores[from], step.pair_score);
}

/// The whole warp: takes one pair. Gives how many people there are then. With three matches
/// nothing sound can be done.
HEATPOSE_DEVICE int take_classic_step(const ClassicPeople& people, int count, int keypoints,
                                      const ClassicStep& step) {
  const Matches found = find_matches(people, count, step);
  const bool share = found.count == 2 && share_a_part(people, keypoints, found.first, found.second);
  const bool other = found.count == 1 && people.slot(step.keypoint_b, found.first) != step.b;
  sync_warp();  // all have read
  if (found.count == 0 && step.starts) start_classic(people, count++, keypoints, step);
  if (found.count == 2 && !share) {
    unite_classic(people, found.first, found.second, keypoints, step);
  }
  if ((other || share) && lane_index() == 0) overwrite(people, found.first, step);
  sync_warp();
  return count;
}

HEATPOSE_DEVICE ClassicStep classic_step(const PeakSetView& peaks, const LimbsView& limbs,
                                         std::int64_t image, const RankedPair& pair) {
  const int a = limbs.parts[2 * pair.limb], b = limbs.parts[2 * pair.limb + 1];
  return {a,
          b,
          pair.pair.a,
          pair.pair.b,
          pair.pair.score,
          peak_score(peaks, image, a, pair.pair.a),
          peak_score(peaks, image, b, pair.pair.b),
          limbs.starts[pair.limb] != 0};
}

/// What another lane has.
HEATPOSE_DEVICE ClassicStep shuffle_step(const ClassicStep& step, int lane) {
  return {shuffle(step.keypoint_a, lane), shuffle(step.keypoint_b, lane),
          shuffle(step.a, lane),          shuffle(step.b, lane),
          shuffle(step.pair_score, lane), shuffle(step.score_a, lane),
          shuffle(step.score_b, lane),    shuffle(step.starts ? 1 : 0, lane) != 0};
}

HEATPOSE_KERNEL_RESIDENT(kAssembleThreads, 1)
assemble_classic(PeakSetView peaks, LimbsView limbs, AssociateOptions options,
                 std::int64_t first_image, AssembleRoom room, AssociationView out) {
  HEATPOSE_SHARED int people_count;
  const std::int64_t image = first_image + block_index();
  const int keypoints = peaks.keypoints;
  Arena arena = open_arena(room);
  clear_people(out, image, keypoints);
  int pairs;
  const TakenPairs taken =
      taken_pairs(peaks, limbs, out, image, arena.take<int>(limbs.count + 1), &pairs);
  // Each pair may start a person.
  int *kept = arena.take<int>(pairs), *ranks = arena.take<int>(pairs);
  const ClassicPeople people = classic_people(keypoints, pairs, arena);
  if (warp_index() == 0) {
    int count = 0;
    for (int first = 0; first < pairs; first += kWarp) {
      ClassicStep own{};
      if (first + lane_index() < pairs) {
        own = classic_step(peaks, limbs, image, taken.at(first + lane_index()));
      }
      for (int lane = 0; lane < kWarp && first + lane < pairs; ++lane) {
        count = take_classic_step(people, count, keypoints, shuffle_step(own, lane));
      }
    }
    if (lane_index() == 0) people_count = count;
  }
  sync_block();
  rank_people({people_count, people.born, people.parts, people.scores, kept, ranks}, options, out,
              image);
  std::int32_t* rows = out.people + image * out.max_people * keypoints;
  for (int k = warp_index(); k < keypoints; k += block_threads() / kWarp) {
    for (int person = lane_index(); person < people_count; person += kWarp) {
      if (ranks[person] < 0) continue;
      rows[static_cast<std::int64_t>(ranks[person]) * keypoints + k] = people.slot(k, person);
    }
  }
}

}  // namespace heatpose
