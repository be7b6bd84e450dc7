#pragma once

// A list of pairs sorted by one block, best first.

#include "common/pair.h"
#include "cuda/block.h"

namespace heatpose {

HEATPOSE_DEVICE void sort_two(RankedPair* list, std::int64_t count, std::int64_t low,
                              std::int64_t high) {
  if (high >= count) return;
  const RankedPair p = list[low], q = list[high];
  if (!ranks_before(q, p)) return;
  list[low] = q;
  list[high] = p;
}

/// The lower place of the i-th comparison between places that are `step` apart, a power of two.
HEATPOSE_DEVICE std::int64_t lower_place(std::int64_t i, std::int64_t step) {
  return 2 * (i & -step) + (i & (step - 1));
}

/// A bitonic sort in which every comparison brings the better pair to the lower place, so that the
/// places past the end, which lose every comparison, need not be there.
HEATPOSE_DEVICE void sort_in_place(RankedPair* list, int count) {
  for (std::int64_t run = 1; run < count; run *= 2) {
    // Two sorted runs, the second read backwards ...
    for (std::int64_t i = thread_index(); lower_place(i, run) < count; i += block_threads()) {
      const std::int64_t low = lower_place(i, run);
      sort_two(list, count, low, (low | (2 * run - 1)) - (low & (run - 1)));
    }
    sync_block();
    // ... and the halves of what comes of it, and their halves.
    for (std::int64_t step = run / 2; step > 0; step /= 2) {
      for (std::int64_t i = thread_index(); lower_place(i, step) < count; i += block_threads()) {
        sort_two(list, count, lower_place(i, step), lower_place(i, step) + step);
      }
      sync_block();
    }
  }
}

/// Sorts a list, in shared memory where it fits.
HEATPOSE_DEVICE void sort_pairs(RankedPair* list, int count, RankedPair* near,
                                std::int64_t near_bytes) {
  const bool fits = count * static_cast<std::int64_t>(sizeof(RankedPair)) <= near_bytes;
  if (fits) {
    for (int i = thread_index(); i < count; i += block_threads()) near[i] = list[i];
    sync_block();
  }
  sort_in_place(fits ? near : list, count);
  if (fits) {
    for (int i = thread_index(); i < count; i += block_threads()) list[i] = near[i];
    sync_block();
  }
}

}  // namespace heatpose
