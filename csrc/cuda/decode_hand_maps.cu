#include "heatpose/decode_hand_maps.h"

#include <algorithm>

#include "cuda/block.h"
#include "cuda/components.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"

// Three kernels: a warp a tile labels what is above the threshold, a warp a tile joins components
// over the tile's edges, a block a plane adds them up and picks the keypoint.

namespace heatpose {
namespace {

constexpr int kTileThreads = 128, kJoinThreads = 256;
constexpr int kRow = kTileInner + 1;  // floats of a tile's row in shared memory: no bank twice
/// What the nodes of a group of planes may take, unless one plane takes more.
constexpr std::int64_t kGroupBytes = std::int64_t{256} << 20;

/// Labels the components of the tiles of a group of planes.
template <typename Cell>
HEATPOSE_KERNEL(kTileThreads)
label_tiles(DeviceScales<Cell> smoothed, DeviceScales<Cell> average, ComponentTiles nodes,
            std::int64_t first_plane, std::int64_t work, std::int64_t channels, int height,
            int width, float threshold) {
  HEATPOSE_SHARED float all_values[kTileThreads / kWarp][kTileInner * kRow];
  const std::int64_t item = block_index() * (kTileThreads / kWarp) + warp_index();
  if (item >= work) return;
  const int tile = static_cast<int>(item % nodes.tiles());
  const std::int64_t group_plane = item / nodes.tiles(), plane = first_plane + group_plane;
  const int y0 = tile / nodes.columns * kTileInner, x0 = tile % nodes.columns * kTileInner;
  float* values = all_values[warp_index()];
  std::uint32_t mask = 0;
  for (int pixels = 0; pixels < kTileInner * 16; pixels += kWarp) {
    const int row = (pixels + lane_index()) / 16, column = lane_index() % 16;
    const int y = y0 + row, x = x0 + column;
    bool above = column < kTileInner && y < height && x < width;
    above = above && sample(smoothed, plane / channels, plane % channels, x, y) > threshold;
    if (above) {
      values[row * kRow + column] = sample(average, plane / channels, plane % channels, x, y);
    }
    const std::uint32_t two_rows = warp_ballot(above);
    if (lane_index() / 2 == pixels / kWarp) mask = two_rows >> (16 * (lane_index() % 2)) & 0xffffu;
  }
  sync_warp();
  label_tile(nodes.plane(group_plane), tile, mask, values, kRow, y0 * width + x0, width);
}

HEATPOSE_KERNEL(kJoinThreads) join_tiles(ComponentTiles nodes, std::int64_t work) {
  const std::int64_t item = block_index() * (kJoinThreads / kWarp) + warp_index();
  if (item >= work) return;
  join_edges(nodes.plane(item / nodes.tiles()), static_cast<int>(item % nodes.tiles()));
}

/// A block a plane; `coords` and `scores` are those of the group.
HEATPOSE_KERNEL(1024) pick_keypoints(ComponentTiles nodes, int width, float* coords, float* scores) {
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
      tiles * (4 + 64 + nodes.most * std::int64_t{2 * sizeof(std::int32_t) + sizeof(double) +
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
  const int pick_threads = kWarp * static_cast<int>(std::min<std::int64_t>(
                                       ceil_div(tiles, kWarp), 1024 / kWarp));
  for (std::int64_t first = 0; first < planes; first += group) {
    const std::int64_t count = std::min(group, planes - first), work = count * tiles;
    with_cell_type(scales[0].type, [&](auto* cell) {
      using Cell = std::remove_const_t<std::remove_pointer_t<decltype(cell)>>;
      launch(call, "label_tiles", label_tiles<Cell>, ceil_div(work, kTileThreads / kWarp),
             kTileThreads, 0, device_scales<Cell>(scales, layout, 0, tables),
             device_scales<Cell>(scales, layout, 1, tables), nodes, first, work,
             scales[0].channels, height, width, threshold);
    });
    launch(call, "join_tiles", join_tiles, ceil_div(work, kJoinThreads / kWarp), kJoinThreads, 0,
           nodes, work);
    launch(call, "pick_keypoints", pick_keypoints, count, pick_threads, 0, nodes, width,
           coords + 2 * first, scores + first);
  }
}

}  // namespace heatpose
