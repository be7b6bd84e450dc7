#pragma once

// Matching within a limb: best pairs first, each peak once.
//
// Taking the best of all pairs again and again gives the same pairs as taking, in rounds, every
// pair that is both the best of its first peak and the best of its second among those whose peaks
// are free: nothing that is taken before it could have stood in its way. A limb of a few people is
// done after one round and one more that finds nothing.

#include <cstring>

#include "common/pair.h"
#include "cuda/block.h"
#include "cuda/pair_lists.h"

namespace heatpose {

constexpr int kMatchThreads = 256;
/// Accepted pairs that are listed in shared memory. Limbs with more read the scores every time.
constexpr int kListedPairs = 2048;

// The best pair of a peak as a number that is larger for the better pair (common/pair.h): the
// score's bits, for a score is not negative, and the complement of the peak at the other end. 0 is
// no pair.
HEATPOSE_DEVICE std::uint64_t best_key(float score, int other_end) {
  std::uint32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  return static_cast<std::uint64_t>(bits) << 32 | (0xffffffffu - static_cast<unsigned>(other_end));
}
HEATPOSE_DEVICE int key_end(std::uint64_t key) {
  return static_cast<int>(0xffffffffu - static_cast<std::uint32_t>(key));
}
HEATPOSE_DEVICE float key_score(std::uint64_t key) {
  const std::uint32_t bits = static_cast<std::uint32_t>(key >> 32);
  float score;
  std::memcpy(&score, &bits, sizeof score);
  return score;
}

/// Lists the accepted pairs of a limb in any order; gives how many there are, of which the first
/// kListedPairs are listed.
HEATPOSE_DEVICE int list_accepted(const float* scores, int pairs, int count_b, Pair* listed,
                                  int* count) {
  constexpr int kAtOnce = 4;  // loads in flight
  if (thread_index() == 0) *count = 0;
  sync_block();
  for (std::int64_t first = thread_index(); first < pairs; first += kAtOnce * block_threads()) {
    float score[kAtOnce];
    HEATPOSE_UNROLL
    for (int j = 0; j < kAtOnce; ++j) {
      const std::int64_t i = first + j * block_threads();
      score[j] = i < pairs ? scores[i] : -1.0f;
    }
    HEATPOSE_UNROLL
    for (int j = 0; j < kAtOnce; ++j) {
      if (!(score[j] >= 0.0f)) continue;
      const int slot = atomic_add(count, 1);
      const int i = static_cast<int>(first + j * block_threads());
      if (slot < kListedPairs) listed[slot] = {score[j], i / count_b, i % count_b};
    }
  }
  sync_block();
  return *count;
}

/// Blocks: [images, L]. `far` has room for 4 M numbers a block; null: shared memory has.
HEATPOSE_KERNEL(kMatchThreads)
match_pairs(PeakSetView peaks, LimbsView limbs, PairRoom room, std::uint64_t* far,
            AssociationView out) {
  HEATPOSE_SHARED Pair listed[kListedPairs];
  HEATPOSE_SHARED int listed_count;
  const int row = static_cast<int>(block_index());
  const LimbEnds ends = limb_ends(peaks, limbs, room, row);
  const float* scores = room.scores + static_cast<std::int64_t>(row) * room.pairs;
  const std::int64_t most = peaks.max_peaks;
  // Of every peak the best pair of this round, and the one it was taken with.
  std::uint64_t* best_a =
      far != nullptr ? far + 4 * most * row : static_cast<std::uint64_t*>(dynamic_shared());
  std::uint64_t *best_b = best_a + most, *taken_a = best_b + most, *taken_b = taken_a + most;
  const int threads = block_threads();
  for (int a = thread_index(); a < ends.count_a; a += threads) best_a[a] = taken_a[a] = 0;
  for (int b = thread_index(); b < ends.count_b; b += threads) best_b[b] = taken_b[b] = 0;
  const int pairs = ends.count_a * ends.count_b;
  const int accepted = list_accepted(scores, pairs, ends.count_b, listed, &listed_count);
  const bool all_listed = accepted <= kListedPairs;

  for (bool took = accepted > 0; took;) {
    for (std::int64_t i = thread_index(); i < (all_listed ? accepted : pairs); i += threads) {
      const int at = static_cast<int>(i);
      const Pair pair =
          all_listed ? listed[at] : Pair{scores[at], at / ends.count_b, at % ends.count_b};
      if (!(pair.score >= 0.0f) || taken_a[pair.a] != 0 || taken_b[pair.b] != 0) continue;
      atomic_max(&best_a[pair.a], best_key(pair.score, pair.b));
      atomic_max(&best_b[pair.b], best_key(pair.score, pair.a));
    }
    sync_block();
    bool mutual = false;
    for (int a = thread_index(); a < ends.count_a; a += threads) {
      const std::uint64_t key = best_a[a];
      if (key == 0 || best_b[key_end(key)] != best_key(key_score(key), a)) continue;
      taken_a[a] = key;
      mutual = true;
    }
    for (int b = thread_index(); b < ends.count_b; b += threads) {
      const std::uint64_t key = best_b[b];
      if (key == 0 || best_a[key_end(key)] != best_key(key_score(key), b)) continue;
      taken_b[b] = key;
    }
    took = sync_block_or(mutual);
    for (int a = thread_index(); a < ends.count_a; a += threads) best_a[a] = 0;
    for (int b = thread_index(); b < ends.count_b; b += threads) best_b[b] = 0;
    sync_block();
  }

  const std::int64_t out_row = ends.image * limbs.count + ends.limb;
  std::int32_t* out_pairs = out.pairs + out_row * most * 2;
  float* out_scores = out.pair_scores + out_row * most;
  int mine = 0;
  for (int a = thread_index(); a < ends.count_a; a += threads) {
    if (taken_a[a] == 0) continue;
    const Pair pair{key_score(taken_a[a]), a, key_end(taken_a[a])};
    int before = 0;
    for (int i = 0; i < ends.count_a; ++i) {
      if (taken_a[i] == 0) continue;
      before += better({key_score(taken_a[i]), i, key_end(taken_a[i])}, pair) ? 1 : 0;
    }
    out_pairs[2 * before] = pair.a;
    out_pairs[2 * before + 1] = pair.b;
    out_scores[before] = pair.score;
    ++mine;
  }
  const int taken = block_reduce(mine, [](int p, int q) { return p + q; });
  for (std::int64_t i = taken + thread_index(); i < most; i += threads) {
    out_pairs[2 * i] = out_pairs[2 * i + 1] = -1;
    out_scores[i] = 0.0f;
  }
  if (thread_index() == 0) out.pair_counts[out_row] = taken;
}

}  // namespace heatpose
