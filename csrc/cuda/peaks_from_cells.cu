#include "heatpose/peaks_from_cells.h"

#include <cstdint>
#include <type_traits>

#include "common/peak_rule.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"
#include "cuda/peak_list.h"
#include "cuda/tile.h"

// One block a tile row of a plane: most rows of most planes hold no tile that could have a peak and
// are done after bounds of their columns. write_peaks (cuda/peak_list.h) does the rest.

namespace heatpose {
namespace {

template <typename Cell>
struct CellsSource {
  DeviceScales<Cell> smoothed, average;
  int channels, width, height;

  using Scratch = TileScratch;
  static constexpr int kMostPerStep = kTileInner * kTileInner;
  static constexpr bool kRefines = true;
};

/// Where tile (ty, tx) of a plane lies.
struct TilePlace {
  std::int64_t image, channel;
  int ty, tx;
};

/// Warp: appends the peaks among a tile's own pixels.
template <typename Cell>
HEATPOSE_DEVICE void find_in_tile(const DeviceScales<Cell>& smoothed, const TilePlace& at,
                                  const PeakOptions& options, TileScratch& scratch,
                                  const PeakList& list) {
  float pixels[kTileLane];
  evaluate_tile(smoothed, at.image, at.channel, at.ty, at.tx, scratch, pixels);
  const int canvas_width = smoothed.scales[0].x.rows;
  const int height = lesser(kTileInner, smoothed.scales[0].y.rows - at.ty * kTileInner);
  const int width = lesser(kTileInner, canvas_width - at.tx * kTileInner);
  const int x = lane_index() % kTile, top = kTileLane * (lane_index() / kTile);
  bool any = false;
  HEATPOSE_UNROLL
  for (int i = 0; i < kTileLane; ++i) any = any || pixels[i] > options.threshold;
  if (warp_ballot(any) == 0) return;
  HEATPOSE_UNROLL
  for (int i = 0; i < kTileLane; ++i) scratch.cells[top + i][x] = pixels[i];
  sync_warp();
  for (int i = 0; i < kTileLane; ++i) {
    const int y = top + i;
    const bool own = x >= 1 && x <= width && y >= 1 && y <= height;
    const float* pixel = &scratch.cells[y][x];
    const auto rival = [pixel](int dy, int dx) { return pixel[dy * kTile + dx]; };
    const bool peak =
        own && is_peak(*pixel, rival, options.threshold, options.connectivity, options.ties);
    const int canvas_x = at.tx * kTileInner + x - 1, canvas_y = at.ty * kTileInner + y - 1;
    append_peaks(peak, static_cast<std::uint32_t>(canvas_y * canvas_width + canvas_x), list);
  }
}

template <typename Cell>
HEATPOSE_DEVICE int search_steps(const CellsSource<Cell>& source) {
  return source.smoothed.scales[0].tiles_y.tiles * source.smoothed.scales[0].tiles_x.tiles;
}
template <typename Cell>
HEATPOSE_DEVICE void search_step(const CellsSource<Cell>& source, std::int64_t plane, int step,
                                 const PeakOptions& options, TileScratch& scratch,
                                 const PeakList& list) {
  const int columns = source.smoothed.scales[0].tiles_x.tiles;
  const TilePlace at{plane / source.channels, plane % source.channels, step / columns,
                     step % columns};
  find_in_tile(source.smoothed, at, options, scratch, list);
}
template <typename Cell>
HEATPOSE_DEVICE float score_at(const CellsSource<Cell>& source, std::int64_t plane, int x, int y) {
  return sample(source.average, plane / source.channels, plane % source.channels, x, y);
}
template <typename Cell>
HEATPOSE_DEVICE float value_at(const CellsSource<Cell>& source, std::int64_t plane, int x, int y) {
  return sample(source.smoothed, plane / source.channels, plane % source.channels, x, y);
}

template <typename Cell>
HEATPOSE_KERNEL_RESIDENT(kTileThreads, 6)
find_in_cells(DeviceScales<Cell> smoothed, int channels, bool bounded, PeakOptions options,
              PeakLists lists) {
  HEATPOSE_SHARED TileScratch scratch[kTileThreads / kWarp];
  const auto rows = static_cast<std::uint32_t>(smoothed.scales[0].tiles_y.tiles);
  const auto block = static_cast<std::uint32_t>(block_index());
  const std::uint32_t plane = block / rows;
  TilePlace at{plane / static_cast<std::uint32_t>(channels),
               plane % static_cast<std::uint32_t>(channels), static_cast<int>(block % rows), 0};
  float* columns = bounded ? static_cast<float*>(dynamic_shared()) : nullptr;
  for_tiles_above(smoothed, at.image, at.channel, at.ty, options.threshold, columns, [&](int tx) {
    at.tx = tx;
    find_in_tile(smoothed, at, options, scratch[warp_index()], lists.of(plane));
  });
}

}  // namespace

void peaks_from_cells_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* words,
                           std::int64_t planes, const SmoothOptions& smooth,
                           const PeakOptions& options, Refine refine, const PeaksView& out,
                           float* refined, const CudaCall& call) {
  if (planes == 0) return;
  const DeviceGuard guard(call);
  const ScaleTables tables = lay_out_tables(scales, peaks_from_cells_tables(smooth));
  const int height = scales[0].y.canvas, width = scales[0].x.canvas;
  const int channels = static_cast<int>(scales[0].channels);
  const PeakLists lists = allocate_lists(call, planes, height, width, options.max_peaks);
  with_cell_type(scales[0].type, [&](auto* cell) {
    using Cell = std::remove_const_t<std::remove_pointer_t<decltype(cell)>>;
    const CellsSource<Cell> source{device_scales<Cell>(scales, tables, 0, words),
                                   device_scales<Cell>(scales, tables, 1, words), channels, width,
                                   height};
    const std::int64_t rows = source.smoothed.scales[0].tiles_y.tiles;
    // Beside the bounds, the kernel holds the warps' scratch and a list of tiles.
    constexpr std::size_t kTaken =
        sizeof(TileScratch) * (kTileThreads / kWarp) + sizeof(int) * (kTileThreads + 32);
    const std::size_t shared = column_bounds_bytes(source.smoothed, kTaken);
    launch(call, "peaks_from_cells", find_in_cells<Cell>, planes * rows, kTileThreads, shared,
           source.smoothed, channels, shared != 0, options, lists);
    launch(call, "peaks_from_cells", write_peaks<CellsSource<Cell>>, planes, kListThreads, 0,
           source, options, lists, out, refine, refined);
  });
}

}  // namespace heatpose
