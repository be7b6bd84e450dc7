#pragma once

// From the peaks that a search has found, in any order, to the padded output of a plane: the second
// half of find_peaks and of peaks_from_cells. cpu/peak_list.h, but for lists that are found by many
// threads at once.
//
// The search appends the pixels of peaks to a list of bounded length. A plane that has more than
// that (noise, or a threshold below it) is searched once more here, by one block, which cuts the
// list to the best whenever it is full.
//
// A Source is what was searched. It has `width` and `height` of the canvas, the type of a warp's
// `Scratch`, kMostPerStep and kRefines; its functions, found by argument, are:
//   int search_steps(source)                                   a plane's search is so many steps,
//   search_step(source, plane, step, options, scratch, list)   each by one warp, which appends at
//                                                              most kMostPerStep peaks
//   float score_at(source, plane, x, y)                        the score of a peak
//   float value_at(source, plane, x, y)                        the map it was found in, if kRefines

#include <cstdint>
#include <stdexcept>
#include <string>

#include "common/peak_rule.h"
#include "common/refine_peak_rule.h"
#include "cuda/block.h"
#include "cuda/launch.h"
#include "heatpose/find_peaks.h"
#include "heatpose/peaks_from_cells.h"

namespace heatpose {

/// The peaks of one plane, as y * width + x. `count` also counts those that had no room.
struct PeakList {
  std::uint32_t* pixels;
  int* count;
  int room;
};

/// The lists of all planes.
struct PeakLists {
  std::uint32_t* pixels;  // [planes, room]
  std::uint64_t* keys;    // [planes, room], null where shared memory does
  int* counts;            // [planes], zero before the search
  int room;               // a power of two

  HEATPOSE_METHOD PeakList of(std::int64_t plane) const {
    return {pixels + plane * room, counts + plane, room};
  }
};

constexpr int kListThreads = 256;
/// Keys that are sorted in shared memory; longer lists are sorted where they lie.
constexpr int kSharedKeys = 2048;
/// Places of a list for what is found between two cuts to the best.
constexpr int kListSlack = 1024;

/// Warp: appends the pixels of the lanes with a peak.
HEATPOSE_DEVICE void append_peaks(bool peak, std::uint32_t pixel, const PeakList& list) {
  const std::uint32_t ballot = warp_ballot(peak);
  if (ballot == 0) return;
  const int rank = warp_rank(ballot);
  int at = 0;
  if (lane_index() == kWarp - 1) at = atomic_add(list.count, rank + (peak ? 1 : 0));
  at = shuffle(at, kWarp - 1) + rank;
  if (peak && at < list.room) list.pixels[at] = pixel;
}

/// Block: sorts `count` keys that are all different, ascending. The array has room for the next
/// power of two.
HEATPOSE_DEVICE void sort_keys(std::uint64_t* keys, int count) {
  sync_block();
  if (count <= block_threads()) {  // nearly always: every thread counts its way to a key's place
    const int i = thread_index();
    const std::uint64_t key = i < count ? keys[i] : 0;
    int place = 0;
    for (int k = 0; k < count; ++k) place += keys[k] < key ? 1 : 0;
    sync_block();
    if (i < count) keys[place] = key;
    sync_block();
    return;
  }
  int size = 1;
  while (size < count) size *= 2;
  for (int i = count + thread_index(); i < size; i += block_threads()) keys[i] = ~std::uint64_t{0};
  sync_block();
  for (int run = 2; run <= size; run *= 2) {  // bitonic
    for (int step = run / 2; step > 0; step /= 2) {
      for (int i = thread_index(); i < size / 2; i += block_threads()) {
        const int low = (i / step) * 2 * step + i % step, high = low + step;
        const std::uint64_t a = keys[low], b = keys[high];
        if ((a > b) == ((low & run) == 0)) {
          keys[low] = b;
          keys[high] = a;
        }
      }
      sync_block();
    }
  }
}

/// Block: adds `count` listed peaks to the `kept` keys and keeps the best `most`: those with the
/// highest score, of equal ones the first; or the first of all. Returns how many that are.
template <typename Source>
HEATPOSE_DEVICE int keep_best(const Source& source, std::int64_t plane, const std::uint32_t* listed,
                              int count, std::uint64_t* keys, int kept, int most, bool keep_first) {
  for (int i = thread_index(); i < count; i += block_threads()) {
    const auto width = static_cast<std::uint32_t>(source.width);
    const std::uint32_t pixel = listed[i];
    const float score =
        score_at(source, plane, static_cast<int>(pixel % width), static_cast<int>(pixel / width));
    const std::uint32_t rank = keep_first ? 0u : ~score_rank(score);
    keys[kept + i] = static_cast<std::uint64_t>(rank) << 32 | pixel;
  }
  sort_keys(keys, kept + count);
  return kept + count < most ? kept + count : most;
}

/// Block: the same for all peaks of a plane, which is searched for them again.
template <typename Source>
HEATPOSE_DEVICE int search_again(const Source& source, std::int64_t plane,
                                 const PeakOptions& options, typename Source::Scratch& scratch,
                                 const PeakList& list, std::uint64_t* keys) {
  HEATPOSE_SHARED int count;
  const PeakList pending{list.pixels, &count, list.room - options.max_peaks};
  const int steps = search_steps(source), warps = block_threads() / kWarp;
  const int fit = pending.room / Source::kMostPerStep, at_once = warps < fit ? warps : fit;
  if (thread_index() == 0) count = 0;
  sync_block();
  int kept = 0;
  for (int step = 0; step < steps; step += at_once) {
    if (warp_index() < at_once && step + warp_index() < steps) {
      search_step(source, plane, step + warp_index(), options, scratch, pending);
    }
    sync_block();
    const int found = count;
    sync_block();
    const bool full = found + at_once * Source::kMostPerStep > pending.room;
    if (full || step + at_once >= steps) {
      kept = keep_best(source, plane, list.pixels, found, keys, kept, options.max_peaks,
                       options.keep_first);
      if (thread_index() == 0) count = 0;
      sync_block();
    }
  }
  return kept;
}

/// The values around a peak, as the rules of refinement read them.
struct PeakWindow {
  static constexpr int kSide = 2 * kCentroidReach + 1;
  float values[kSide * kSide];
};

/// Warp: the place of a peak between pixels, by lane 0 to `place`.
template <typename Source>
HEATPOSE_DEVICE void refine_peak(const Source& source, std::int64_t plane, int x, int y,
                                 Refine refine, PeakWindow& window, float* place) {
  constexpr int kSide = PeakWindow::kSide;
  for (int i = lane_index(); i < kSide * kSide; i += kWarp) {
    const int dx = i % kSide - kCentroidReach, dy = i / kSide - kCentroidReach;
    const int at_x = x + dx, at_y = y + dy;
    if (at_x < 0 || at_x >= source.width || at_y < 0 || at_y >= source.height) continue;
    if (refine == Refine::kTaylor && !dark_reads(dx, dy)) continue;
    window.values[i] = value_at(source, plane, at_x, at_y);
  }
  sync_warp();
  if (lane_index() == 0) {
    const float* centre = window.values + kSide * kSide / 2;
    const auto value = [=](int at_x, int at_y) { return centre[(at_y - y) * kSide + at_x - x]; };
    const Place found = refine == Refine::kCentroid
                            ? centroid_of(value, x, y, source.width, source.height)
                            : taylor_of(value, x, y, source.width, source.height);
    place[0] = static_cast<float>(found.x);
    place[1] = static_cast<float>(found.y);
  }
  sync_warp();
}

/// One block a plane. `refined` may be null with Refine::kNone.
template <typename Source>
HEATPOSE_KERNEL(kListThreads)
write_peaks(Source source, PeakOptions options, PeakLists lists, PeaksView out, Refine refine,
            float* refined) {
  union Scratch {
    typename Source::Scratch step;
    PeakWindow window;
  };
  HEATPOSE_SHARED Scratch scratch[kListThreads / kWarp];
  HEATPOSE_SHARED std::uint64_t shared_keys[kSharedKeys];
  const std::int64_t plane = block_index();
  const PeakList list = lists.of(plane);
  const int found = *list.count, most = options.max_peaks;
  // What is sorted is no longer than the list.
  const bool short_list = list.room <= kSharedKeys || found <= kSharedKeys;
  std::uint64_t* keys = short_list ? shared_keys : lists.keys + plane * list.room;
  int kept = found;
  if (found <= most) {
    for (int i = thread_index(); i < found; i += block_threads()) keys[i] = list.pixels[i];
  } else {
    kept = found <= list.room
               ? keep_best(source, plane, list.pixels, found, keys, 0, most, options.keep_first)
               : search_again(source, plane, options, scratch[warp_index()].step, list, keys);
    for (int i = thread_index(); i < kept; i += block_threads()) keys[i] &= 0xffffffffu;
  }
  sort_keys(keys, kept);

  std::int32_t* xy = out.xy + plane * most * 2;
  float* scores = out.scores + plane * most;
  if (refine != Refine::kNone) refined += plane * most * 2;
  const auto width = static_cast<std::uint32_t>(source.width);
  for (int i = thread_index(); i < most; i += block_threads()) {
    std::int32_t x = 0, y = 0;
    float score = 0.0f;
    if (i < kept) {
      const auto pixel = static_cast<std::uint32_t>(keys[i]);
      x = static_cast<std::int32_t>(pixel % width);
      y = static_cast<std::int32_t>(pixel / width);
      score = score_at(source, plane, x, y);
    } else if (refine != Refine::kNone) {
      refined[2 * i] = refined[2 * i + 1] = 0.0f;
    }
    xy[2 * i] = x;
    xy[2 * i + 1] = y;
    scores[i] = score;
  }
  if (thread_index() == 0) {
    out.counts[plane] = kept;
    out.overflow[plane] = found > most ? 1 : 0;
  }
  if constexpr (Source::kRefines) {
    if (refine == Refine::kNone) return;
    for (int i = warp_index(); i < kept; i += block_threads() / kWarp) {
      const auto pixel = static_cast<std::uint32_t>(keys[i]);
      refine_peak(source, plane, static_cast<int>(pixel % width), static_cast<int>(pixel / width),
                  refine, scratch[warp_index()].window, refined + 2 * i);
    }
  }
}

/// Host: lists for `planes` planes of a canvas, from one allocation; their counts are set to zero.
inline PeakLists allocate_lists(const CudaCall& call, std::int64_t planes, int height, int width,
                                int max_peaks) {
  const std::int64_t pixels = static_cast<std::int64_t>(height) * width;
  if (pixels > 0x7fffffff) {
    throw std::invalid_argument(
        "canvas must have at most 2147483647 pixels on a CUDA device, got " +
        std::to_string(height) + " x " + std::to_string(width));
  }
  const std::int64_t most = max_peaks < pixels ? max_peaks : pixels;
  std::int64_t room = kSharedKeys;
  while (room < most + kListSlack) room *= 2;
  Workspace workspace;
  const auto counts = workspace.add<int>(planes);
  const auto listed = workspace.add<std::uint32_t>(planes * room);
  const auto keys = workspace.add<std::uint64_t>(room > kSharedKeys ? planes * room : 0);
  void* base = workspace.allocate(call);
  fill_bytes(call, counts.in(base), 0, static_cast<std::size_t>(planes) * sizeof(int));
  return {listed.in(base), keys.in(base), counts.in(base), static_cast<int>(room)};
}

}  // namespace heatpose
