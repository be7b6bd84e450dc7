// Small work, spread thin: one thread a peak, one thread a pair, one warp a limb's assignment and
// one warp an image's people. What is decided is common/grid_rule.h and common/grid_teams.h, which
// csrc/cpu runs alone.

#include "heatpose/grid_people.h"

#include "common/grid_rule.h"
#include "common/grid_teams.h"
#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {
namespace {

constexpr int kThreads = 128;

struct WarpTeam {
  HEATPOSE_TEAM_METHOD int lane() const { return lane_index(); }
  HEATPOSE_TEAM_METHOD int size() const { return kWarp; }
  HEATPOSE_TEAM_METHOD void sync() const { sync_warp(); }
  HEATPOSE_TEAM_METHOD Nearest nearest(Nearest own) const {
    for (int mask = kWarp / 2; mask > 0; mask /= 2) {
      const Nearest other{shuffle_xor(own.distance, mask), shuffle_xor(own.column, mask)};
      if (other.closer(own)) own = other;
    }
    return own;
  }
  HEATPOSE_TEAM_METHOD int before(int count, int* all) const {
    int sum = count;
    for (int step = 1; step < kWarp; step *= 2) {
      const int below = shuffle_up(sum, step);
      if (lane_index() >= step) sum += below;
    }
    *all = shuffle(sum, kWarp - 1);
    return sum - count;
  }
};

HEATPOSE_DEVICE std::int64_t global_thread() {
  return block_index() * block_threads() + thread_index();
}

HEATPOSE_KERNEL(kThreads)
refine_grid_peaks(const float* maps, int height, int width, GridPeaks peaks, const std::int32_t* xy,
                  int reach, float* places) {
  const std::int64_t i = global_thread(), plane = i / peaks.max_peaks;
  if (plane >= peaks.images * peaks.keypoints) return;
  const int peak = static_cast<int>(i % peaks.max_peaks);
  if (peak < peak_count(peaks.counts[plane], peaks.max_peaks)) {
    window_centre(maps + plane * height * width, height, width, xy[2 * i], xy[2 * i + 1], reach,
                  places + 2 * i);
  } else {
    places[2 * i] = places[2 * i + 1] = 0.0f;
  }
}

/// One thread for every entry of the scores, most of which are zero: the writes take the time.
HEATPOSE_KERNEL(kThreads)
score_grid_pairs(const float* fields, int channels, int height, int width, GridPeaks peaks,
                 const float* places, GridLimbs limbs, int samples, float* scores) {
  const std::int64_t index = global_thread(), most = peaks.max_peaks;
  const std::int64_t item = index / (most * most), image = item / limbs.count;
  if (image >= peaks.images) return;
  const int limb = static_cast<int>(item % limbs.count);
  const int i = static_cast<int>(index / most % most), j = static_cast<int>(index % most);
  const std::int64_t a = image * peaks.keypoints + limbs.parts[2 * limb];
  const std::int64_t b = image * peaks.keypoints + limbs.parts[2 * limb + 1];
  float score = 0.0f;
  if (i < peak_count(peaks.counts[a], peaks.max_peaks) &&
      j < peak_count(peaks.counts[b], peaks.max_peaks)) {
    const std::int64_t size = static_cast<std::int64_t>(height) * width;
    const float* field = fields + image * channels * size;
    score = mean_along(field + limbs.channels[2 * limb] * size,
                       field + limbs.channels[2 * limb + 1] * size, height, width,
                       places + 2 * (a * most + i), places + 2 * (b * most + j), samples,
                       [=](int k) { return sample_share(k, samples); });
  }
  scores[index] = score;
}

/// One block of one warp an item; `memory` is null where shared memory has room.
HEATPOSE_KERNEL_RESIDENT(kWarp, 1)
assign_grid_pairs(const float* scores, GridPeaks peaks, GridLimbs limbs, float threshold,
                  std::int32_t* partners, char* memory, std::int64_t bytes) {
  const std::int64_t item = block_index(), most = peaks.max_peaks;
  void* own = memory == nullptr ? dynamic_shared() : memory + item * bytes;
  assign_limb(WarpTeam{}, scores + item * most * most, most, peaks, limbs, item, threshold,
              AssignmentScratch::in(own, peaks.max_peaks), partners + item * 2 * most);
}

HEATPOSE_KERNEL(kWarp)
connect_grid_peaks(const std::int32_t* partners, GridPeaks peaks, GridLimbs limbs, int max_people,
                   std::int32_t* people, std::int32_t* person_counts, std::uint8_t* visited,
                   int* queues, std::int64_t queue_length) {
  const std::int64_t image = block_index();
  const std::int64_t nodes = static_cast<std::int64_t>(peaks.keypoints) * peaks.max_peaks;
  const int count =
      connect(WarpTeam{}, image_walk(partners, peaks, limbs, max_people, people, image,
                                     visited + image * nodes, queues + image * queue_length));
  if (lane_index() == 0) person_counts[image] = count;
}

std::int64_t blocks_for(std::int64_t threads) { return ceil_div(threads, kThreads); }

}  // namespace

void refine_peaks_cuda(const float* maps, int height, int width, const GridPeaks& peaks,
                       const std::int32_t* xy, int reach, float* places, const CudaCall& call) {
  const DeviceGuard guard(call);
  launch(call, "refine_peaks", refine_grid_peaks,
         blocks_for(peaks.images * peaks.keypoints * peaks.max_peaks), kThreads, 0, maps, height,
         width, peaks, xy, reach, places);
}

void score_pairs_cuda(const float* fields, int channels, int height, int width,
                      const GridPeaks& peaks, const float* places, const GridLimbs& limbs,
                      int samples, float* scores, const CudaCall& call) {
  const DeviceGuard guard(call);
  const std::int64_t most = peaks.max_peaks;
  launch(call, "score_pairs", score_grid_pairs,
         blocks_for(peaks.images * limbs.count * most * most), kThreads, 0, fields, channels,
         height, width, peaks, places, limbs, samples, scores);
}

void assign_pairs_cuda(const float* scores, const GridPeaks& peaks, const GridLimbs& limbs,
                       float threshold, std::int32_t* partners, const CudaCall& call) {
  const std::int64_t items = peaks.images * limbs.count;
  if (items == 0) return;
  const DeviceGuard guard(call);
  const std::int64_t bytes = (AssignmentScratch::bytes(peaks.max_peaks) + 15) / 16 * 16;
  const bool shared = bytes <= static_cast<std::int64_t>(kMostShared);
  char* memory = nullptr;
  if (!shared) {
    Workspace workspace;
    const auto slot = workspace.add<char>(items * bytes);
    memory = slot.in(workspace.allocate(call));
  }
  launch(call, "assign_pairs", assign_grid_pairs, items, kWarp,
         shared ? static_cast<std::size_t>(bytes) : 0, scores, peaks, limbs, threshold, partners,
         memory, bytes);
}

void connect_peaks_cuda(const std::int32_t* partners, const GridPeaks& peaks,
                        const GridLimbs& limbs, int max_people, std::int32_t* people,
                        std::int32_t* person_counts, const CudaCall& call) {
  if (peaks.images == 0) return;
  const DeviceGuard guard(call);
  const std::int64_t queue = Walk::queue_length(limbs.count, peaks.max_peaks);
  Workspace workspace;
  const auto visited =
      workspace.add<std::uint8_t>(peaks.images * peaks.keypoints * peaks.max_peaks);
  const auto queues = workspace.add<int>(peaks.images * queue);
  void* base = workspace.allocate(call);
  launch(call, "connect_peaks", connect_grid_peaks, peaks.images, kWarp, 0, partners, peaks, limbs,
         max_people, people, person_counts, visited.in(base), queues.in(base), queue);
}

void grid_people_cuda(const GridMaps& maps, const PeakOptions& peak_options,
                      const GridOptions& options, const GridLimbs& limbs, const PeaksView& found,
                      const GridPeopleView& out, const CudaCall& call) {
  const GridPeaks peaks{maps.images, maps.keypoints, peak_options.max_peaks, found.counts};
  const std::int64_t most = peaks.max_peaks, items = maps.images * limbs.count;
  find_peaks_cuda(maps.heatmaps, maps.heatmaps, CellType::kFloat32, maps.images * maps.keypoints,
                  maps.height, maps.width, peak_options, found, call);
  refine_peaks_cuda(maps.heatmaps, maps.height, maps.width, peaks, found.xy, options.reach,
                    out.places, call);
  Workspace workspace;
  const auto scores = workspace.add<float>(items * most * most);
  const auto partners = workspace.add<std::int32_t>(items * 2 * most);
  void* base = workspace.allocate(call);
  score_pairs_cuda(maps.fields, maps.channels, maps.height, maps.width, peaks, out.places, limbs,
                   options.samples, scores.in(base), call);
  assign_pairs_cuda(scores.in(base), peaks, limbs, options.threshold, partners.in(base), call);
  connect_peaks_cuda(partners.in(base), peaks, limbs, options.max_people, out.people, out.counts,
                     call);
}

}  // namespace heatpose
