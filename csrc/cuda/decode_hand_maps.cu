#include "heatpose/decode_hand_maps.h"

#include <algorithm>

#include "cuda/block.h"
#include "cuda/components.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"
#include "cuda/tile.h"

// Three kernels, so three launches for any number of planes that the workspace holds: a block a row
// of tiles labels what is above the threshold in those that bounds do not rule out, a warp a tile
// joins components over the tile's edges, a block a plane adds them up and picks the keypoint.
// Joining has a kernel of its own because a block alone would take long where every tile is above
// the threshold; where few are, as on the maps of networks, its warps read a count and end.
//
// On paper, 21 planes of 368x368 and 4 scales: 567 blocks of 96 registers label in one wave, the
// other two kernels are a chain of some ten reads each; none moves more than a few megabytes.

namespace heatpose {
namespace {

constexpr int kJoinThreads = 256;
/// What the nodes of a group of planes may take, unless one plane takes more: they stay in the
/// cache of a large device, and two hands of 368x368 are one group.
constexpr std::int64_t kGroupBytes = std::int64_t{64} << 20;

/// The smoothed average, and the average, in an array so that tiles of both are evaluated by the
/// same instructions.
template <typename Cell>
struct HandScales {
  DeviceScales<Cell> sets[2];
};

/// Warp: which of the lane's pixels of a tile, as evaluate_tile() gives them, are the tile's own
/// and above the threshold. Lane r gets row r of 14; the others get none.
HEATPOSE_DEVICE std::uint32_t threshold_tile(const float (&pixels)[kTileLane], int height,
                                             int width, float threshold) {
  const int row = lane_index() + 1;  // the frame is row 0
  std::uint32_t mask = 0;
  HEATPOSE_UNROLL
  for (int i = 0; i < kTileLane; ++i) {
    const std::uint32_t above = warp_ballot(pixels[i] > threshold);
    if (row % kTileLane == i) mask = row < kTileLane ? above : above >> kTile;
  }
  return row <= height && row <= kTileInner ? mask >> 1 & ((1u << width) - 1u) : 0u;
}

/// One plane of a group, as label_tiles() sees it.
template <typename Cell>
struct HandPlane {
  const HandScales<Cell>& scales;
  ComponentTiles nodes;
  std::int64_t image, channel;
  int height, width;
  float threshold;
};

/// Warp: writes the nodes of tile (ty, tx), none where no pixel is above the threshold.
template <typename Cell>
HEATPOSE_DEVICE void search_tile(const HandPlane<Cell>& plane, int ty, int tx,
                                 TileScratch& scratch) {
  const int y0 = ty * kTileInner, x0 = tx * kTileInner;
  std::uint32_t mask = 0;
  float pixels[kTileLane];
  for (int set = 0; set < 2; ++set) {
    evaluate_tile(plane.scales.sets[set], plane.image, plane.channel, ty, tx, scratch, pixels);
    if (set == 0) {
      mask = threshold_tile(pixels, lesser(kTileInner, plane.height - y0),
                            lesser(kTileInner, plane.width - x0), plane.threshold);
      if (warp_ballot(mask != 0) == 0) return;
    }
  }
  sync_warp();  // the scratch has been read
  HEATPOSE_UNROLL
  for (int i = 0; i < kTileLane; ++i) {
    scratch.sums[kTileLane * (lane_index() / kTile) + i][lane_index() % kTile] = pixels[i];
  }
  sync_warp();
  label_tile(plane.nodes, ty * plane.nodes.columns + tx, mask, &scratch.sums[1][1], kTile + 4,
             y0 * plane.width + x0, plane.width);
}

/// Labels the components of the tiles of a group of planes: a block a row of tiles.
template <typename Cell>
HEATPOSE_KERNEL(kTileThreads)
label_tiles(HandScales<Cell> scales, ComponentTiles nodes, std::int64_t first_plane,
            std::int64_t channels, int height, int width, float threshold, int bounds) {
  HEATPOSE_SHARED TileScratch scratches[kTileThreads / kWarp];
  const int ty = static_cast<int>(block_index() % nodes.rows);
  const std::int64_t index = block_index() / nodes.rows, at = first_plane + index;
  const HandPlane<Cell> plane{scales, nodes.plane(index), at / channels, at % channels, height,
                              width,  threshold};
  for (int tx = thread_index(); tx < nodes.columns; tx += block_threads()) {
    plane.nodes.counts[ty * nodes.columns + tx] = 0;
  }
  // Its barriers come before any tile's nodes are counted.
  for_tiles_above(scales.sets[0], plane.image, plane.channel, ty, threshold,
                  bounds != 0 ? static_cast<float*>(dynamic_shared()) : nullptr,
                  [&](int tx) { search_tile(plane, ty, tx, scratches[warp_index()]); });
}

HEATPOSE_KERNEL(kJoinThreads) join_tiles(ComponentTiles nodes, std::int64_t work) {
  const std::int64_t item = block_index() * (kJoinThreads / kWarp) + warp_index();
  if (item >= work) return;
  join_edges(nodes.plane(item / nodes.tiles()), static_cast<int>(item % nodes.tiles()));
}

/// A block a plane; `coords` and `scores` are those of the group.
HEATPOSE_KERNEL(1024)
pick_keypoints(ComponentTiles nodes, int width, float* coords, float* scores) {
  const std::int64_t plane = block_index();
  const std::uint64_t highest = pick_heaviest(nodes.plane(plane));
  if (thread_index() != 0) return;
  const bool found = highest != 0;
  const std::uint32_t place = ranked_place(highest);
  coords[2 * plane] = found ? static_cast<float>(place % static_cast<std::uint32_t>(width)) : NAN;
  coords[2 * plane + 1] =
      found ? static_cast<float>(place / static_cast<std::uint32_t>(width)) : NAN;
  scores[plane] = found ? ranked_value(highest) : 0.0f;
}

}  // namespace

void decode_hand_maps_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* tables,
                           std::int64_t planes, const SmoothOptions& smooth, float threshold,
                           float* coords, float* scores, const CudaCall& call) {
  if (planes == 0) return;
  const DeviceGuard device(call);
  const int height = scales[0].y.canvas, width = scales[0].x.canvas;
  if (std::int64_t{height} * width > 0x7fffffff) {
    throw std::invalid_argument(
        "canvas must have at most 2147483647 pixels on a CUDA device, got (" +
        std::to_string(height) + ", " + std::to_string(width) + ")");
  }
  ComponentTiles nodes{};
  nodes.rows = static_cast<int>(ceil_div(height, kTileInner));
  nodes.columns = static_cast<int>(ceil_div(width, kTileInner));
  // ComponentTiles that do not touch: one in every 2x2 pixels.
  nodes.most = static_cast<int>(ceil_div(std::min(height, kTileInner), 2) *
                                ceil_div(std::min(width, kTileInner), 2));
  const std::int64_t tiles = nodes.tiles();
  const std::int64_t plane_bytes =
      tiles * (4 + 64 +
               nodes.most * std::int64_t{2 * sizeof(std::int32_t) + sizeof(double) +
                                         2 * sizeof(std::uint64_t)});
  const std::int64_t group = std::clamp<std::int64_t>(kGroupBytes / plane_bytes, 1, planes);
  const std::int64_t rooms = group * tiles * nodes.most;
  Workspace workspace;
  const auto counts = workspace.add<std::int32_t>(group * tiles);
  const auto edges = workspace.add<std::uint32_t>(group * tiles * 16);
  const auto parents = workspace.add<std::int32_t>(rooms);
  const auto firsts = workspace.add<std::int32_t>(rooms);
  const auto sums = workspace.add<double>(rooms);
  const auto totals = workspace.add<std::uint64_t>(rooms);
  const auto highest = workspace.add<std::uint64_t>(rooms);
  void* base = workspace.allocate(call);
  nodes.counts = counts.in(base);
  nodes.edges = edges.in(base);
  nodes.parents = parents.in(base);
  nodes.firsts = firsts.in(base);
  nodes.sums = sums.in(base);
  nodes.totals = totals.in(base);
  nodes.highest = highest.in(base);

  const ScaleTables layout = lay_out_tables(scales, decode_hand_maps_tables(smooth));
  const int pick_threads =
      kWarp * static_cast<int>(std::min<std::int64_t>(ceil_div(tiles, kWarp), 1024 / kWarp));
  with_cell_type(scales[0].type, [&](auto* cell) {
    using Cell = std::remove_const_t<std::remove_pointer_t<decltype(cell)>>;
    const HandScales<Cell> sets{{device_scales<Cell>(scales, layout, 0, tables),
                                 device_scales<Cell>(scales, layout, 1, tables)}};
    const std::size_t bounds =
        column_bounds_bytes(sets.sets[0], kTileThreads / kWarp * sizeof(TileScratch) + 1024);
    for (std::int64_t first = 0; first < planes; first += group) {
      const std::int64_t count = std::min(group, planes - first), work = count * tiles;
      launch(call, "label_tiles", label_tiles<Cell>, count * nodes.rows, kTileThreads, bounds, sets,
             nodes, first, scales[0].channels, height, width, threshold, bounds != 0);
      launch(call, "join_tiles", join_tiles, ceil_div(work, kJoinThreads / kWarp), kJoinThreads, 0,
             nodes, work);
      launch(call, "pick_keypoints", pick_keypoints, count, pick_threads, 0, nodes, width,
             coords + 2 * first, scores + first);
    }
  });
}

}  // namespace heatpose
