// The canvas is written once and is by far the most that moves, so a block makes a tile of it, all
// scales, from what it holds in shared memory: the cells that the tile touches, and those combined
// across for the tile's columns (about ten short rows a scale). Down the columns a thread then
// makes four rows of four pixels at once: what it loads serves sixteen pixels, and a pixel takes
// about eight instructions, a third of the time that its four bytes take to be written.

#include "heatpose/resize_average.h"

#include <cmath>

#include "common/touch_rule.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"
#include "cuda/resize_plan.h"

namespace heatpose {
namespace {

constexpr int kThreads = 256;
constexpr int kColumns = kResizeColumns;
constexpr int kGroup = kResizeGroup;
constexpr int kMostRows = 64;  // of a tile

/// The scale's value at pixel (x, y) of a plane, with zero for cells that are not finite.
template <typename Cell>
HEATPOSE_DEVICE float pixel(const DeviceScale<Cell>& scale, const DevicePlane<Cell>& plane, int x,
                            int y) {
  const float* down = scale.y.weights(y) - scale.y.start(y);
  const float* across = scale.x.weights(x) - scale.x.start(x);
  float value = 0.0f;
  HEATPOSE_ROLLED
  for (int r = scale.y.first(y); r <= scale.y.last(y); ++r) {
    float row = 0.0f;
    for (int c = scale.x.first(x); c <= scale.x.last(x); ++c) {
      const float cell = plane.at(r, c);
      if (cell - cell == 0.0f) row = multiply_add(across[c], cell, row);
    }
    value = multiply_add(down[r], row, value);
  }
  return value;
}

/// Whether pixel (x, y) touches a cell of the plane that is not finite.
template <typename Cell>
HEATPOSE_DEVICE bool touches_broken(const DeviceScale<Cell>& scale, const DevicePlane<Cell>& plane,
                                    int x, int y) {
  const int y0 = scale.y.start(y), x0 = scale.x.start(x);
  HEATPOSE_ROLLED
  for (int r = scale.y.first(y); r <= scale.y.last(y); ++r) {
    if (!touches(scale.y.weights(y)[r - y0])) continue;
    HEATPOSE_ROLLED
    for (int c = scale.x.first(x); c <= scale.x.last(x); ++c) {
      const float cell = plane.at(r, c);
      if (cell - cell != 0.0f && touches(scale.x.weights(x)[c - x0])) return true;
    }
  }
  return false;
}

/// The cells that the tile touches, columns side by side, zero where there is none or it is not
/// finite; returns whether one was not.
template <typename Cell>
HEATPOSE_DEVICE bool stage_cells(const DeviceScale<Cell>& scale, const ResizeScale& plan,
                                 const DevicePlane<Cell>& plane, int left, int top, float* shared) {
  const int first_row = reach_begin(plan.rows, scale.y.first(top));
  const int first_column = reach_begin(plan.columns, scale.x.first(left));
  const int rows = kGroup * plan.quads, columns = plan.columns.cells;
  bool broken = false;
  HEATPOSE_ROLLED
  for (int i = thread_index(); i < rows * columns; i += kThreads) {
    const int row = i / columns, column = i - row * columns;
    float cell = 0.0f;
    if (first_row + row < scale.y.cells && first_column + column < scale.x.cells) {
      cell = plane.at(first_row + row, first_column + column);
      if (cell - cell != 0.0f) {
        cell = 0.0f;
        broken = true;
      }
    }
    shared[plan.cells_at + column * rows + row] = cell;
  }
  return broken;
}

/// The weights of row `row` of the tile for the cells of its group.
HEATPOSE_DEVICE void stage_weights(const DeviceAxis& axis, const ResizeScale& plan, float factor,
                                   int top, int row, float* shared) {
  const int group = row / kGroup, y = top + row;
  if (top + kGroup * group >= axis.rows) return;
  const int begin = reach_begin(plan.group, axis.first(top + kGroup * group));
  const bool outside = y >= axis.rows;
  const int first = outside ? 0 : axis.first(y), last = outside ? -1 : axis.last(y);
  const float* weights = outside ? nullptr : axis.weights(y) - axis.start(y);
  float* to = shared + plan.weights_at + kGroup * group * plan.group.cells + row % kGroup;
  HEATPOSE_ROLLED
  for (int k = 0; k < plan.group.cells; ++k) {
    const int cell = begin + k;
    to[kGroup * k] = cell >= first && cell <= last ? weights[cell] * factor : 0.0f;
  }
  if (row % kGroup == 0) {
    reinterpret_cast<int*>(shared)[plan.starts_at + group] =
        begin - reach_begin(plan.rows, axis.first(top));
  }
}

/// Four rows of cells at a time, combined for a column of the canvas.
HEATPOSE_DEVICE void combine_across(const DeviceAxis& axis, const ResizeScale& plan, int left,
                                    float* shared) {
  const int begin = reach_begin(plan.columns, axis.first(left));
  HEATPOSE_ROLLED
  for (int i = thread_index(); i < plan.quads * kColumns; i += kThreads) {
    const int column = i % kColumns, quad = i / kColumns, x = left + column;
    if (x >= axis.rows) continue;
    const int first = axis.first(x), last = axis.last(x);
    const float* weights = axis.weights(x) - axis.start(x);
    const Float4* cells = reinterpret_cast<const Float4*>(shared + plan.cells_at) + quad;
    Float4 sum{0.0f, 0.0f, 0.0f, 0.0f};
    for (int cell = first; cell <= last; ++cell) {
      const float weight = weights[cell];
      const Float4 of = cells[(cell - begin) * plan.quads];
      sum.x = multiply_add(weight, of.x, sum.x);
      sum.y = multiply_add(weight, of.y, sum.y);
      sum.z = multiply_add(weight, of.z, sum.z);
      sum.w = multiply_add(weight, of.w, sum.w);
    }
    float* to = shared + plan.across_at + kGroup * quad * kColumns + column;
    to[0] = sum.x;
    to[kColumns] = sum.y;
    to[2 * kColumns] = sum.z;
    to[3 * kColumns] = sum.w;
  }
}

/// Four rows of the tile, written to `out`, which is their top left pixel. With `kAligned` a lane
/// owns four neighbouring columns, else every 32nd, so that a warp still writes whole lines.
template <bool kAligned>
HEATPOSE_DEVICE void combine_down(const ResizePlan& plan, int count, int left, int top, int group,
                                  const float* shared, float* out) {
  constexpr int kStep = kAligned ? 1 : kWarp;
  const int column = kAligned ? 4 * lane_index() : lane_index();
  float sums[kGroup][4] = {};
  for (int s = 0; s < count; ++s) {
    const ResizeScale& scale = plan.scales[s];
    const int start = reinterpret_cast<const int*>(shared)[scale.starts_at + group];
    const float* across = shared + scale.across_at + start * kColumns + column;
    const Float4* weights =
        reinterpret_cast<const Float4*>(shared + scale.weights_at) + group * scale.group.cells;
    for (int k = 0; k < scale.group.cells; ++k, across += kColumns) {
      Float4 of;
      if (kAligned) {
        of = *reinterpret_cast<const Float4*>(across);
      } else {
        of = {across[0], across[kWarp], across[2 * kWarp], across[3 * kWarp]};
      }
      const Float4 weight = weights[k];
      const float down[kGroup] = {weight.x, weight.y, weight.z, weight.w};
      HEATPOSE_UNROLL
      for (int r = 0; r < kGroup; ++r) {
        sums[r][0] = multiply_add(down[r], of.x, sums[r][0]);
        sums[r][1] = multiply_add(down[r], of.y, sums[r][1]);
        sums[r][2] = multiply_add(down[r], of.z, sums[r][2]);
        sums[r][3] = multiply_add(down[r], of.w, sums[r][3]);
      }
    }
  }
  const int rows = plan.height - top - kGroup * group;
  const int columns = plan.width - left - column;
  HEATPOSE_UNROLL
  for (int r = 0; r < kGroup; ++r) {
    if (r >= rows) return;
    float* to = out + static_cast<std::int64_t>(r) * plan.width + column;
    if (kAligned) {
      if (columns > 0) {
        store_streaming(reinterpret_cast<Float4*>(to),
                        {sums[r][0], sums[r][1], sums[r][2], sums[r][3]});
      }
    } else {
      HEATPOSE_UNROLL
      for (int i = 0; i < 4; ++i) {
        if (i * kStep < columns) store_streaming(to + i * kStep, sums[r][i]);
      }
    }
  }
}

/// Makes those pixels of the tile NaN that touch a cell which is not finite.
template <typename Cell>
HEATPOSE_DEVICE void mark_broken(const DeviceScale<Cell>& scale, const DevicePlane<Cell>& plane,
                                 const ResizePlan& plan, int left, int top, float* corner) {
  HEATPOSE_ROLLED
  for (int i = thread_index(); i < plan.rows * kColumns; i += kThreads) {
    const int row = i / kColumns, column = i % kColumns;
    if (left + column >= plan.width || top + row >= plan.height) continue;
    if (touches_broken(scale, plane, left + column, top + row)) {
      corner[static_cast<std::int64_t>(row) * plan.width + column] = NAN;
    }
  }
}

template <typename Cell>
HEATPOSE_KERNEL(kThreads)
resize_tiles(DeviceScales<Cell> set, ResizePlan plan, std::int64_t channels, float* out) {
  float* shared = static_cast<float*>(dynamic_shared());
  // In 32 bits, which hold the number of blocks and with it all of these: division is slow.
  const auto block = static_cast<std::uint32_t>(block_index());
  const auto across = static_cast<std::uint32_t>(plan.across);
  const auto down = static_cast<std::uint32_t>(plan.down);
  const std::uint32_t row = block / across, plane = row / down;
  const std::uint32_t image = plane / static_cast<std::uint32_t>(channels);
  const std::uint32_t channel = plane - image * static_cast<std::uint32_t>(channels);
  const int left = static_cast<int>(block - row * across) * kColumns;
  const int top = static_cast<int>(row - plane * down) * plan.rows;

  bool broken = false;
  for (int s = 0; s < set.count; ++s) {
    broken |= stage_cells(set.scales[s], plan.scales[s], set.scales[s].plane(image, channel), left,
                          top, shared);
  }
  for (int i = thread_index(); i < set.count * plan.rows; i += kThreads) {
    const int s = i / plan.rows;
    stage_weights(set.scales[s].y, plan.scales[s], set.scales[s].weight, top, i - s * plan.rows,
                  shared);
  }
  broken = sync_block_or(broken);
  for (int s = 0; s < set.count; ++s) {
    combine_across(set.scales[s].x, plan.scales[s], left, shared);
  }
  sync_block();

  float* corner = out + (static_cast<std::int64_t>(plane) * plan.height + top) * plan.width + left;
  for (int group = warp_index(); group < plan.rows / kGroup; group += kThreads / kWarp) {
    if (top + kGroup * group >= plan.height) break;
    float* to = corner + static_cast<std::int64_t>(kGroup) * group * plan.width;
    if (plan.aligned) {
      combine_down<true>(plan, set.count, left, top, group, shared, to);
    } else {
      combine_down<false>(plan, set.count, left, top, group, shared, to);
    }
  }
  if (!broken) return;
  sync_block();  // the pixels that become NaN have been written
  for (int s = 0; s < set.count; ++s) {
    mark_broken(set.scales[s], set.scales[s].plane(image, channel), plan, left, top, corner);
  }
}

/// For any geometry: a thread makes one pixel from the cells where they lie.
template <typename Cell>
HEATPOSE_KERNEL(kThreads)
resize_pixels(DeviceScales<Cell> set, int height, int width, std::int64_t pixels,
              std::int64_t channels, float* out) {
  const std::int64_t at = block_index() * kThreads + thread_index();
  if (at >= pixels) return;
  const std::int64_t row = at / width, plane = row / height;
  const std::int64_t image = plane / channels, channel = plane % channels;
  const int x = static_cast<int>(at % width), y = static_cast<int>(row % height);
  float sum = 0.0f;
  bool broken = false;
  for (int s = 0; s < set.count; ++s) {
    const DevicePlane<Cell> cells = set.scales[s].plane(image, channel);
    sum = multiply_add(set.scales[s].weight, pixel(set.scales[s], cells, x, y), sum);
    broken = broken || touches_broken(set.scales[s], cells, x, y);
  }
  out[at] = broken ? NAN : sum;
}

template <typename Cell>
void resize_average(const std::vector<ScaleMaps>& maps, const std::int32_t* words,
                    std::int64_t planes, float* out, const CudaCall& call) {
  const ScaleTables tables = lay_out_tables(maps, resize_average_tables());
  DeviceScales<Cell> set = device_scales<Cell>(maps, tables, 0, words);
  std::vector<ScaleTable> used;  // a scale of weight zero touches nothing
  for (std::size_t s = 0; s < maps.size(); ++s) {
    if (maps[s].weight == 0) continue;
    set.scales[used.size()] = set.scales[s];
    used.push_back(tables.sets[0][s]);
  }
  set.count = static_cast<int>(used.size());

  ResizePlan plan{};
  plan.height = maps.front().y.canvas;
  plan.width = maps.front().x.canvas;
  plan.across = static_cast<int>(ceil_div(plan.width, kColumns));
  plan.aligned = plan.width % 4 == 0 && reinterpret_cast<std::uintptr_t>(out) % 16 == 0;
  constexpr auto kMost = static_cast<std::int64_t>(kMostShared);
  std::int64_t shared = kMost + 1;
  for (int rows = kMostRows; rows >= kGroup && shared > kMost; rows /= 2) {
    shared = lay_out_resize(used, rows, &plan);
  }
  const std::int64_t channels = maps.front().channels;
  if (shared <= kMost) {
    launch(call, "resize_average", resize_tiles<Cell>, planes * plan.down * plan.across, kThreads,
           static_cast<std::size_t>(shared), set, plan, channels, out);
  } else {
    const std::int64_t pixels = planes * plan.height * plan.width;
    launch(call, "resize_average", resize_pixels<Cell>, ceil_div(pixels, kThreads), kThreads, 0,
           set, plan.height, plan.width, pixels, channels, out);
  }
}

}  // namespace

void resize_average_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* tables,
                         std::int64_t planes, float* out, const CudaCall& call) {
  const DeviceGuard guard(call);
  with_cell_type(scales.front().type, [&](auto* cell) {
    resize_average<std::remove_const_t<std::remove_pointer_t<decltype(cell)>>>(scales, tables,
                                                                               planes, out, call);
  });
}

}  // namespace heatpose
