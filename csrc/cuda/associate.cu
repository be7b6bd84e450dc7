// Peaks to people along part affinity fields, in three launches:
//
//   score_pairs      every pair of peaks that a limb could join      some lanes a pair
//   match_pairs      best pairs first, each peak once ("limbs")      a block a limb and image
//   assemble_*       pairs become people                             a block an image
//
// "global" has no matching: score_pairs() lists what is accepted, and the list is sorted where it
// is walked. How many peaks there are, only the device knows: grids are made for max_peaks, and
// what has nothing to do ends at once. Batches whose workspace would be large go through in groups.

#include "heatpose/associate.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "cuda/assemble_classic.h"
#include "cuda/assemble_people.h"
#include "cuda/launch.h"
#include "cuda/match_pairs.h"
#include "cuda/score_pairs.h"

namespace heatpose {
namespace {

constexpr std::int64_t kGroupBytes = std::int64_t{256} << 20;
constexpr std::int64_t kMostImageBytes = std::int64_t{8} << 30;
/// Blocks of score_pairs() that a large device works on in one or two turns.
constexpr std::int64_t kScoreBlocks = 1024;
/// Shared memory that the kernels leave to their static variables.
constexpr std::size_t kStaticShared = 3 * 1024;

/// Lanes that score a pair together: one for each sample; for samples by length, half of the most.
int score_lanes(const PairOptions& options) {
  return options.adaptive ? kWarp / 2 : std::min(options.samples, kWarp);
}

/// What one image takes of the workspace, in bytes.
struct ImageRoom {
  std::int64_t pairs = 0;  ///< of a limb
  std::int64_t scores = 0, ranked = 0, best = 0, tables = 0;

  std::int64_t bytes() const { return scores + ranked + best + tables; }
};

std::size_t best_bytes(const PeakSetView& peaks) {
  return 4 * sizeof(std::uint64_t) * static_cast<std::size_t>(peaks.max_peaks);
}

bool best_is_near(const PeakSetView& peaks) {
  return best_bytes(peaks) + kListedPairs * sizeof(Pair) + kStaticShared <= kMostShared;
}

ImageRoom image_room(const PeakSetView& peaks, const LimbsView& limbs,
                     const AssociateOptions& options) {
  const bool global = options.matching == Matching::kGlobal;
  const std::int64_t most = peaks.max_peaks, all_peaks = peaks.keypoints * most;
  ImageRoom room;
  room.pairs = most * most;
  // First in floating point: the product may be beyond 64 bits.
  const double bytes =
      static_cast<double>(room.pairs) * limbs.count * (global ? sizeof(RankedPair) : sizeof(float));
  if (bytes > static_cast<double>(kMostImageBytes) || all_peaks >= kMostBlocks) {
    throw std::invalid_argument(
        "max_peaks is too large for a CUDA device: " + std::to_string(most) + " peaks of each of " +
        std::to_string(peaks.keypoints) + " keypoints, paired along " +
        std::to_string(limbs.count) + " limbs, need more than 8 GiB of workspace for one image");
  }
  (global ? room.ranked : room.scores) = static_cast<std::int64_t>(bytes);
  if (!global && !best_is_near(peaks)) {
    room.best = limbs.count * static_cast<std::int64_t>(best_bytes(peaks));
  }
  const std::int64_t people = options.classic_conflicts && !global
                                  ? ClassicPeople::room(peaks.keypoints, limbs.count * most)
                                  : Walk::room(peaks.keypoints, all_peaks);
  room.tables = (Arena::room<int>(limbs.count + 1) + people + 255) / 256 * 256;
  return room;
}

/// The workspace of a group, and how its kernels are launched.
struct Group {
  PairRoom pairs;
  AssembleRoom assemble;
  std::uint64_t* far_best;
  std::int64_t images;
};

void assemble(const PeakSetView& peaks, const LimbsView& limbs, const AssociateOptions& options,
              const Group& group, const AssociationView& out, const CudaCall& call) {
  // No more threads than there can be pairs to go at once.
  const std::int64_t pairs = static_cast<std::int64_t>(limbs.count) * peaks.max_peaks;
  const int threads = static_cast<int>(
      std::clamp<std::int64_t>(ceil_div(pairs, kWarp) * kWarp, 2 * kWarp, kAssembleThreads));
  const auto shared = static_cast<std::size_t>(group.assemble.near_bytes);
  if (options.matching == Matching::kGlobal) {
    launch(call, "associate", assemble_globally, group.images, threads, shared, peaks, limbs,
           options, group.pairs, group.assemble, out);
  } else {
    launch(call, "associate", options.classic_conflicts ? assemble_classic : assemble_by_limbs,
           group.images, threads, shared, peaks, limbs, options, group.pairs.first_image,
           group.assemble, out);
  }
}

template <typename Cell>
void associate_group(const PeakSetView& peaks, const DeviceScales<Cell>& fields,
                     const LimbsView& limbs, const AssociateOptions& options, const Group& group,
                     const AssociationView& out, const CudaCall& call) {
  const bool global = options.matching == Matching::kGlobal;
  if (global) {
    fill_bytes(call, group.pairs.counts, 0, sizeof(int) * static_cast<std::size_t>(group.images));
  }
  const std::int64_t rows = group.images * limbs.count;
  const int lanes = score_lanes(options.pair);
  const std::int64_t at_once = kWarp / lanes * (kScoreThreads / kWarp);
  // Few limbs are cut into many slices, many into some: enough for a dozen people.
  const std::int64_t slices = std::min(ceil_div(group.pairs.pairs, at_once),
                                       kScoreBlocks / std::max<std::int64_t>(rows, 1) + 4);
  launch(call, "associate", score_pairs<Cell>, rows * slices, kScoreThreads, 0, peaks, fields,
         limbs, options, group.pairs, static_cast<int>(rows), lanes);
  if (!global) {
    launch(call, "associate", match_pairs, rows, kMatchThreads,
           best_is_near(peaks) ? best_bytes(peaks) : 0, peaks, limbs, group.pairs, group.far_best,
           out);
  }
  assemble(peaks, limbs, options, group, out, call);
}

}  // namespace

void associate_cuda(const PeakSetView& peaks, const std::vector<ScaleMaps>& fields,
                    const std::int32_t* tables, int, const LimbsView& limbs,
                    const AssociateOptions& options, const AssociationView& out,
                    const CudaCall& call) {
  if (peaks.images == 0) return;
  const DeviceGuard guard(call);
  const ImageRoom room = image_room(peaks, limbs, options);
  const std::int64_t images = std::clamp<std::int64_t>(
      kGroupBytes / std::max<std::int64_t>(room.bytes(), 1), 1, peaks.images);

  Workspace workspace;
  const auto scores = workspace.add<char>(images * room.scores);
  const auto ranked = workspace.add<char>(images * room.ranked);
  const auto counts = workspace.add<int>(images);
  const auto best = workspace.add<char>(images * room.best);
  const auto far = workspace.add<char>(images * room.tables);
  void* const memory = workspace.allocate(call);

  Group group;
  group.pairs.pairs = room.pairs;
  group.pairs.scores = room.scores > 0 ? reinterpret_cast<float*>(scores.in(memory)) : nullptr;
  group.pairs.ranked = reinterpret_cast<RankedPair*>(ranked.in(memory));
  group.pairs.counts = counts.in(memory);
  group.far_best = room.best > 0 ? reinterpret_cast<std::uint64_t*>(best.in(memory)) : nullptr;
  group.assemble.far = far.in(memory);
  group.assemble.far_bytes = room.tables;
  group.assemble.near_bytes = static_cast<std::int64_t>(std::min<std::size_t>(
      kMostShared - kStaticShared,
      static_cast<std::size_t>(std::max(room.tables, room.ranked)) / 16 * 16));

  const ScaleTables layout = lay_out_tables(fields, associate_tables());
  with_cell_type(fields.front().type, [&](const auto* cell) {
    using Cell = std::remove_const_t<std::remove_pointer_t<decltype(cell)>>;
    const DeviceScales<Cell> scales = device_scales<Cell>(fields, layout, 0, tables);
    for (std::int64_t first = 0; first < peaks.images; first += images) {
      group.pairs.first_image = first;
      group.images = std::min(images, peaks.images - first);
      associate_group(peaks, scales, limbs, options, group, out, call);
    }
  });
}

}  // namespace heatpose
