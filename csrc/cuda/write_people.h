#pragma once

// The people of one image, written by a block: who is kept, in which order.

#include "common/person_rule.h"
#include "cuda/block.h"
#include "cuda/pair_lists.h"

namespace heatpose {

/// People as the walks leave them. `born` orders them; those with parts < 0 came into others.
struct PeopleTable {
  int count;
  const int* born;
  const int* parts;
  const double* scores;
  // Written here:
  int* kept;
  int* ranks;  ///< where a person is written, or -1
};

/// Every slot is empty until somebody is written.
HEATPOSE_DEVICE void clear_people(const AssociationView& out, std::int64_t image, int keypoints) {
  const std::int64_t most = out.max_people;
  std::int32_t* people = out.people + image * most * keypoints;
  for (std::int64_t i = thread_index(); i < most * keypoints; i += block_threads()) people[i] = -1;
  for (std::int64_t i = thread_index(); i < most; i += block_threads()) {
    out.scores[image * most + i] = 0.0f;
    out.parts[image * most + i] = 0;
  }
}

/// Whether person p comes before q: in the order in which they were found; where not all can stay,
/// the best first.
HEATPOSE_DEVICE bool comes_before(const PeopleTable& people, int p, int q, bool best_first) {
  if (best_first && people.scores[p] != people.scores[q]) {
    return people.scores[p] > people.scores[q];
  }
  return people.born[p] < people.born[q];
}

/// Writes all but the people's peaks, and says where those belong. clear_people() has been called.
HEATPOSE_DEVICE void rank_people(const PeopleTable& people, const AssociateOptions& options,
                                 const AssociationView& out, std::int64_t image) {
  int mine = 0;
  for (int p = thread_index(); p < people.count; p += block_threads()) {
    const bool keep = people.parts[p] >= 0 && keep_person(people.scores[p], people.parts[p],
                                                          options.min_parts, options.min_score);
    people.kept[p] = keep ? 1 : 0;
    mine += keep ? 1 : 0;
  }
  const int kept = block_reduce(mine, [](int a, int b) { return a + b; });
  sync_block();
  const bool overflow = kept > out.max_people;
  for (int p = thread_index(); p < people.count; p += block_threads()) {
    int rank = -1;
    if (people.kept[p] != 0) {
      rank = 0;
      for (int q = 0; q < people.count; ++q) {
        rank += people.kept[q] != 0 && comes_before(people, q, p, overflow) ? 1 : 0;
      }
    }
    if (rank >= out.max_people) rank = -1;
    people.ranks[p] = rank;
    if (rank < 0) continue;
    out.scores[image * out.max_people + rank] = static_cast<float>(people.scores[p]);
    out.parts[image * out.max_people + rank] = people.parts[p];
  }
  if (thread_index() == 0) {
    out.counts[image] = overflow ? out.max_people : kept;
    out.overflow[image] = overflow ? 1 : 0;
  }
  sync_block();
}

}  // namespace heatpose
