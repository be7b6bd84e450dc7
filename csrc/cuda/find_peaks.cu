#include "heatpose/find_peaks.h"

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "common/peak_rule.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"
#include "cuda/peak_list.h"

// The search reads every pixel once, 16 bytes at a time, and looks at the neighbours of those alone
// that are above the threshold: it runs at the speed of memory where few are.

namespace heatpose {
namespace {

constexpr int kThreads = 256;

template <typename Cell>
struct MapSource {
  const Cell *maps, *scores;  // [planes, height, width]
  int height, width;

  struct Scratch {};
  static constexpr int kMostPerStep = kWarp;
  static constexpr bool kRefines = false;

  HEATPOSE_METHOD int pixels() const { return height * width; }
  HEATPOSE_METHOD const Cell* map(std::int64_t plane) const { return maps + plane * pixels(); }
};

template <typename Cell>
HEATPOSE_DEVICE bool is_map_peak(const MapSource<Cell>& source, const Cell* map, int pixel,
                                 const PeakOptions& options) {
  const float value = to_float(map[pixel]);
  if (!is_high(value, options.threshold, options.inclusive)) return false;
  const int width = source.width;
  const int y = static_cast<int>(static_cast<unsigned>(pixel) / static_cast<unsigned>(width));
  const int x = pixel - y * width;
  if (options.reach >= 0) {
    const auto at = [=](int column, int row) {
      return to_float(map[static_cast<std::int64_t>(row) * width + column]);
    };
    return wins_window(at, x, y, source.height, width, options.reach, options.ties);
  }
  const auto rival = [=, height = source.height](int dy, int dx) {
    const bool inside = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
    return inside ? to_float(map[pixel + dy * width + dx]) : 0.0f;
  };
  return is_peak(value, rival, options.threshold, options.connectivity, options.ties,
                 options.inclusive);
}

template <typename Cell>
HEATPOSE_DEVICE int search_steps(const MapSource<Cell>& source) {
  return source.pixels() / kWarp + (source.pixels() % kWarp != 0 ? 1 : 0);
}
template <typename Cell, typename Scratch>
HEATPOSE_DEVICE void search_step(const MapSource<Cell>& source, std::int64_t plane, int step,
                                 const PeakOptions& options, Scratch&, const PeakList& list) {
  const std::int64_t pixel = static_cast<std::int64_t>(step) * kWarp + lane_index();
  const bool peak = pixel < source.pixels() &&
                    is_map_peak(source, source.map(plane), static_cast<int>(pixel), options);
  append_peaks(peak, static_cast<std::uint32_t>(pixel), list);
}
template <typename Cell>
HEATPOSE_DEVICE float score_at(const MapSource<Cell>& source, std::int64_t plane, int x, int y) {
  return to_float(source.scores[plane * source.pixels() + y * source.width + x]);
}
/// 16 bytes of a map.
template <typename Cell>
struct alignas(16) Pack {
  static constexpr int kCells = 16 / sizeof(Cell);
  Cell cells[kCells];
};
/// Packs that a thread reads, all at once, so that memory is never idle.
constexpr int kPacks = 4;

template <typename Cell>
HEATPOSE_KERNEL(kThreads)
find_in_maps(MapSource<Cell> source, PeakOptions options, PeakLists lists, int blocks_a_plane) {
  constexpr int kCells = Pack<Cell>::kCells;
  constexpr int kBetween = kThreads * kCells;  // pixels from one pack of a thread to the next
  const auto block = static_cast<std::uint32_t>(block_index());
  const std::int64_t plane = block / static_cast<std::uint32_t>(blocks_a_plane);
  const int part = static_cast<int>(block % static_cast<std::uint32_t>(blocks_a_plane));
  const Cell* map = source.map(plane);
  // Packs begin at multiples of 16 bytes, the first one perhaps before the plane.
  const int before =
      static_cast<int>(reinterpret_cast<std::uintptr_t>(map) / sizeof(Cell) % kCells);
  const std::int64_t first =
      (static_cast<std::int64_t>(part) * kPacks * kThreads + thread_index()) * kCells - before;
  const std::int64_t pixels = source.pixels();
  std::uint32_t high = 0;  // which of the thread's pixels are above the threshold
  if (first >= 0 && first + (kPacks - 1) * kBetween + kCells <= pixels) {
    Pack<Cell> packs[kPacks];
    HEATPOSE_UNROLL
    for (int p = 0; p < kPacks; ++p) {
      packs[p] = *reinterpret_cast<const Pack<Cell>*>(map + first + p * kBetween);
    }
    HEATPOSE_UNROLL
    for (int i = 0; i < kPacks * kCells; ++i) {
      const float value = to_float(packs[i / kCells].cells[i % kCells]);
      if (is_high(value, options.threshold, options.inclusive)) high |= 1u << i;
    }
  } else {
    for (int i = 0; i < kPacks * kCells; ++i) {
      const std::int64_t pixel = first + i / kCells * kBetween + i % kCells;
      if (pixel >= 0 && pixel < pixels &&
          is_high(to_float(map[pixel]), options.threshold, options.inclusive)) {
        high |= 1u << i;
      }
    }
  }
  const PeakList list = lists.of(plane);
  for (std::uint32_t any = warp_ballot(high != 0); any != 0; any = warp_ballot(high != 0)) {
    std::int64_t pixel = 0;
    bool peak = false;
    if (high != 0) {
      const int bit = find_first(high);
      high &= high - 1;
      pixel = first + bit / kCells * kBetween + bit % kCells;
      peak = is_map_peak(source, map, static_cast<int>(pixel), options);
    }
    append_peaks(peak, static_cast<std::uint32_t>(pixel), list);
  }
}

}  // namespace

void find_peaks_cuda(const void* maps, const void* scores, CellType type, std::int64_t planes,
                     int height, int width, const PeakOptions& options, const PeaksView& out,
                     const CudaCall& call) {
  if (planes == 0) return;
  const DeviceGuard guard(call);
  const PeakLists lists = allocate_lists(call, planes, height, width, options.max_peaks);
  with_cell_type(type, [&](auto* cell) {
    using Cell = std::remove_const_t<std::remove_pointer_t<decltype(cell)>>;
    const MapSource<Cell> source{static_cast<const Cell*>(maps), static_cast<const Cell*>(scores),
                                 height, width};
    constexpr int kCells = Pack<Cell>::kCells;
    // One pack more than the pixels fill, where the first begins before the plane.
    const std::int64_t packs =
        source.pixels() == 0 ? 0 : ceil_div(source.pixels() + kCells - 1, kCells);
    const std::int64_t blocks = ceil_div(packs, kPacks * kThreads);
    launch(call, "find_peaks", find_in_maps<Cell>, planes * blocks, kThreads, 0, source, options,
           lists, static_cast<int>(blocks));
    launch(call, "find_peaks", write_peaks<MapSource<Cell>>, planes, kListThreads, 0, source,
           options, lists, out, Refine::kNone, nullptr);
  });
}

}  // namespace heatpose
