#pragma once

// Pairs become people: the walk along a list of pairs that csrc/cpu/assemble.cpp takes one by one,
// taken here by all threads of a block.
//
// A pair touches two things: of each of its peaks the person that has it, or the peak itself where
// it is free. Pairs that touch nothing in common can go in any order, so in each round every
// waiting pair goes that is the first in the list of all that wait for either of its two. The
// rounds are as many as the longest chain of pairs that wait for each other: about the limbs of a
// person, however many people there are.

#include "common/pair.h"
#include "common/person_rule.h"
#include "cuda/arena.h"
#include "cuda/block.h"
#include "cuda/pair_lists.h"

namespace heatpose {

constexpr int kFree = -1;               // a peak without a person
constexpr int kUnclaimed = 0x7fffffff;  // what no waiting pair touches
constexpr int kSlotBits = 32;

/// The people of one image while they grow, and their peaks. A peak belongs to one person at most,
/// and every person starts with two of them.
struct Walk {
  int* first_peak;       ///< [K + 1] where a keypoint's peaks start in the two arrays of peaks
  int* owner;            ///< [peaks] person; follow came_into from there
  int* peak_claims;      ///< [peaks] first of the waiting pairs that touch it
  int* person_claims;    ///< [peaks / 2]
  int* born;             ///< [peaks / 2] place in the list of the pair that started it
  int* came_into;        ///< [peaks / 2] the person that took it over, or -1
  int* parts;            ///< [peaks / 2]
  double* scores;        ///< [peaks / 2]
  std::uint32_t* slots;  ///< [peaks / 2, words] bits of the keypoints that it has
  int words;
  int* people;  ///< how many there are, those that came into others too

  HEATPOSE_METHOD static int slot_words(int keypoints) {
    return (keypoints + kSlotBits - 1) / kSlotBits;
  }

  /// Room in the workspace for the people of K keypoints with so many peaks in all.
  static std::int64_t room(std::int64_t keypoints, std::int64_t peaks) {
    const std::int64_t people = peaks / 2;
    return Arena::room<int>(keypoints + 1) + 2 * Arena::room<int>(peaks) +
           4 * Arena::room<int>(people) + Arena::room<double>(people) +
           Arena::room<std::uint32_t>(people * slot_words(static_cast<int>(keypoints)));
  }
};

/// Writes where each of `count` parts starts that are count_of(i) long, and where the last ends;
/// gives the end.
template <typename CountOf>
HEATPOSE_DEVICE int write_starts(int count, int* starts, CountOf count_of) {
  int end = 0;
  for (int first = 0; first < count; first += block_threads()) {
    const int i = first + thread_index();
    int sum;
    const int before = block_exclusive_sum(i < count ? count_of(i) : 0, &sum);
    if (i < count) starts[i] = end + before;
    end += sum;
  }
  if (thread_index() == 0) starts[count] = end;
  sync_block();
  return end;
}

HEATPOSE_DEVICE Walk start_walk(const PeakSetView& peaks, std::int64_t image, Arena& arena) {
  HEATPOSE_SHARED int people;
  Walk walk;
  walk.first_peak = arena.take<int>(peaks.keypoints + 1);
  const int count = write_starts(peaks.keypoints, walk.first_peak,
                                 [&](int k) { return peak_count(peaks, image, k); });
  walk.words = Walk::slot_words(peaks.keypoints);
  walk.owner = arena.take<int>(count);
  walk.peak_claims = arena.take<int>(count);
  walk.person_claims = arena.take<int>(count / 2);
  walk.born = arena.take<int>(count / 2);
  walk.came_into = arena.take<int>(count / 2);
  walk.parts = arena.take<int>(count / 2);
  walk.scores = arena.take<double>(count / 2);
  walk.slots = arena.take<std::uint32_t>(static_cast<std::int64_t>(count / 2) * walk.words);
  walk.people = &people;
  if (thread_index() == 0) people = 0;
  for (int i = thread_index(); i < count; i += block_threads()) {
    walk.owner[i] = kFree;
    walk.peak_claims[i] = kUnclaimed;
  }
  sync_block();
  return walk;
}

/// A pair on the walk: its two peaks, and what it touches.
struct Step {
  int keypoint_a, keypoint_b;
  int peak_a, peak_b;  // as in Walk
  double score_a, score_b;
  float pair_score;
  int person_a, person_b;  // kFree where the peak is
  int *claim_a, *claim_b;
};

HEATPOSE_DEVICE int person_of(const Walk& walk, int peak) {
  int person = walk.owner[peak];
  while (person >= 0 && walk.came_into[person] >= 0) person = walk.came_into[person];
  return person;
}

HEATPOSE_DEVICE void look_up(const Walk& walk, Step& step) {
  step.person_a = person_of(walk, step.peak_a);
  step.person_b = person_of(walk, step.peak_b);
  step.claim_a =
      step.person_a < 0 ? &walk.peak_claims[step.peak_a] : &walk.person_claims[step.person_a];
  step.claim_b =
      step.person_b < 0 ? &walk.peak_claims[step.peak_b] : &walk.person_claims[step.person_b];
}

HEATPOSE_DEVICE void fill_slot(std::uint32_t* slots, int keypoint) {
  slots[keypoint / kSlotBits] |= 1u << (keypoint % kSlotBits);
}

/// A new person has both peaks.
HEATPOSE_DEVICE void start_person(const Walk& walk, const Step& step, int place) {
  const int person = atomic_add(walk.people, 1);
  std::uint32_t* slots = walk.slots + static_cast<std::int64_t>(person) * walk.words;
  for (int w = 0; w < walk.words; ++w) slots[w] = 0;
  fill_slot(slots, step.keypoint_a);
  fill_slot(slots, step.keypoint_b);
  walk.owner[step.peak_a] = walk.owner[step.peak_b] = person;
  walk.person_claims[person] = kUnclaimed;
  walk.born[person] = place;
  walk.came_into[person] = -1;
  walk.parts[person] = 2;
  walk.scores[person] = new_person_score(step.score_a, step.score_b, step.pair_score);
}

/// The free peak goes to the other's person, if that slot is free.
HEATPOSE_DEVICE bool grow_person(const Walk& walk, const Step& step) {
  const bool a_is_free = step.person_a < 0;
  const int person = a_is_free ? step.person_b : step.person_a;
  const int keypoint = a_is_free ? step.keypoint_a : step.keypoint_b;
  std::uint32_t* slots = walk.slots + static_cast<std::int64_t>(person) * walk.words;
  if (slots[keypoint / kSlotBits] >> (keypoint % kSlotBits) & 1u) return false;
  fill_slot(slots, keypoint);
  walk.owner[a_is_free ? step.peak_a : step.peak_b] = person;
  walk.parts[person] += 1;
  walk.scores[person] =
      grown_score(walk.scores[person], a_is_free ? step.score_a : step.score_b, step.pair_score);
  return true;
}

/// Two people become the one that was there first, unless they share a part.
HEATPOSE_DEVICE bool unite_people(const Walk& walk, const Step& step) {
  const bool a_is_first = walk.born[step.person_a] < walk.born[step.person_b];
  const int into = a_is_first ? step.person_a : step.person_b;
  const int from = a_is_first ? step.person_b : step.person_a;
  std::uint32_t* slots = walk.slots + static_cast<std::int64_t>(into) * walk.words;
  const std::uint32_t* other = walk.slots + static_cast<std::int64_t>(from) * walk.words;
  for (int w = 0; w < walk.words; ++w) {
    if (slots[w] & other[w]) return false;
  }
  for (int w = 0; w < walk.words; ++w) slots[w] |= other[w];
  walk.came_into[from] = into;
  walk.parts[into] += walk.parts[from];
  walk.scores[into] = united_score(walk.scores[into], walk.scores[from], step.pair_score);
  return true;
}

/// Whether the pair was used. `starts`: it may start a person. `strengthens`: within one person it
/// adds its score.
HEATPOSE_DEVICE bool take_step(const Walk& walk, const Step& step, int place, bool starts,
                               bool strengthens) {
  if (step.person_a < 0 && step.person_b < 0) {
    if (starts) start_person(walk, step, place);
    return starts;
  }
  if (step.person_a < 0 || step.person_b < 0) return grow_person(walk, step);
  if (step.person_a != step.person_b) return unite_people(walk, step);
  if (strengthens) walk.scores[step.person_a] += static_cast<double>(step.pair_score);
  return strengthens;
}

/// Walks along block_threads() pairs of the list, of which this thread has one, or none (`waiting`
/// false), from `first` on. Gives whether it was used.
HEATPOSE_DEVICE bool walk_on(const Walk& walk, Step step, bool waiting, int first, bool starts,
                             bool strengthens) {
  const int turn = thread_index();
  bool used = false;
  while (sync_block_or(waiting)) {
    if (waiting) {
      look_up(walk, step);
      atomic_min(step.claim_a, turn);
      atomic_min(step.claim_b, turn);
    }
    sync_block();
    const bool goes = waiting && *step.claim_a == turn && *step.claim_b == turn;
    sync_block();
    if (!goes) continue;
    // Claims of pairs that wait on stay: nobody earlier in the list can come to need the same.
    *step.claim_a = *step.claim_b = kUnclaimed;
    used = take_step(walk, step, first + turn, starts, strengthens);
    waiting = false;
  }
  return used;
}

}  // namespace heatpose
