#pragma once

// How resize_average lays out its tiles: what a block of threads holds in shared memory, found by
// the host from the operators.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "common/scale_tables.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"

namespace heatpose {

constexpr int kResizeColumns = 4 * kWarp;  // of a tile
constexpr int kResizeGroup = 4;            // rows that a warp makes at once

/// Which cells neighbouring places of an axis touch between them: `cells` of them, from `back`
/// before the first cell of the first place. The host finds both so that they hold everywhere on
/// the axis, and no table is needed.
struct ResizeReach {
  int back = 0, cells = 1;
};
HEATPOSE_RULE int reach_begin(const ResizeReach& reach, int first) {
  return first > reach.back ? first - reach.back : 0;
}

/// One scale in shared memory; offsets count floats.
struct ResizeScale {
  ResizeReach columns, rows, group;  // of a tile and of a group of rows
  int quads;                         // rows of cells in fours, the last padded with zeros
  int cells_at;                      // [columns.cells, 4 quads]
  int across_at;                     // [4 quads, kResizeColumns]
  int weights_at;  // Float4 [groups, group.cells]: of a cell in each row of a group
  int starts_at;   // int [groups]: a group's first row of those combined across
};

struct ResizePlan {
  ResizeScale scales[kMostScales];
  int height, width;  // canvas
  int rows;           // of a tile, a multiple of kResizeGroup
  int down, across;   // tiles of a plane
  bool aligned;       // rows of the canvas are, to 16 bytes
};

/// The reach of every `step` places that begin at a multiple of it, where place i needs the cells
/// [low(i), end(i)) (none if empty) and has the first cell first[i].
template <typename Low, typename End>
ResizeReach reach_of(const std::vector<std::int32_t>& first, int step, Low low, End end) {
  const int places = static_cast<int>(first.size());
  ResizeReach reach;
  const auto each = [&](auto body) {
    for (int i = 0; i < places; ++i) {
      if (low(i) < end(i)) body(first[static_cast<std::size_t>(i / step * step)], i);
    }
  };
  each([&](int from, int i) { reach.back = std::max(reach.back, from - low(i)); });
  each([&](int from, int i) {
    reach.cells = std::max(reach.cells, end(i) - reach_begin(reach, from));
  });
  return reach;
}

inline ResizeScale resize_scale(const AxisOperator& y, const AxisOperator& x, int rows) {
  const auto reach = [](const AxisOperator& op, int step) {
    return reach_of(
        op.first, step, [&](int i) { return op.first[static_cast<std::size_t>(i)]; },
        [&](int i) { return op.last[static_cast<std::size_t>(i)] + 1; });
  };
  ResizeScale plan{};
  plan.columns = reach(x, kResizeColumns);
  plan.group = reach(y, kResizeGroup);
  // A tile holds all that its groups may look at, cells of weight zero included.
  const auto group_begin = [&](int i) {
    return reach_begin(plan.group,
                       y.first[static_cast<std::size_t>(i / kResizeGroup * kResizeGroup)]);
  };
  plan.rows = reach_of(y.first, rows, group_begin,
                       [&](int i) { return group_begin(i) + plan.group.cells; });
  plan.quads = static_cast<int>(ceil_div(plan.rows.cells, kResizeGroup));
  return plan;
}

/// Lays out tiles of `rows` rows; returns the bytes of shared memory that one takes.
inline std::int64_t lay_out_resize(const std::vector<ScaleTable>& scales, int rows,
                                   ResizePlan* plan) {
  std::int64_t floats = 0;
  const auto reserve = [&](std::int64_t count) {
    const std::int64_t at = floats;
    floats += ceil_div(count, 4) * 4;
    return static_cast<int>(std::min<std::int64_t>(at, std::numeric_limits<int>::max()));
  };
  plan->rows = rows;
  plan->down = static_cast<int>(ceil_div(plan->height, rows));
  const std::int64_t groups = rows / kResizeGroup;
  for (std::size_t s = 0; s < scales.size(); ++s) {
    ResizeScale& scale = plan->scales[s] = resize_scale(*scales[s].y.op, *scales[s].x.op, rows);
    const std::int64_t cell_rows = std::int64_t{kResizeGroup} * scale.quads;
    scale.cells_at = reserve(cell_rows * scale.columns.cells);
    scale.across_at = reserve(cell_rows * kResizeColumns);
    scale.weights_at = reserve(groups * scale.group.cells * kResizeGroup);
    scale.starts_at = reserve(groups);
  }
  return floats * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace heatpose
