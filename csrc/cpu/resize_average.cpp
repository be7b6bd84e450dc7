#include "heatpose/resize_average.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "common/touch_rule.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"
#include "cpu/stream.h"

namespace heatpose {
namespace {

constexpr int kBlock = 16;             // places of the canvas that share a set of cells
constexpr int kBandRows = 8 * kBlock;  // rows of one task: enough to pay for its cells

/// The weights of one cell for the places of a block: a line of the cache.
struct alignas(64) BlockWeights {
  float place[kBlock];
};

/// An axis operator repacked by blocks; see ResizeBlocks.
struct Blocks {
  std::vector<std::int32_t> start, count;
  std::vector<BlockWeights> weights;
  int stride = 1;

  ResizeBlocks view() const { return {start.data(), count.data(), weights.data()->place, stride}; }
};

/// Repacks an operator times `factor`. The first block begins `lead` places before the canvas (so
/// that blocks are aligned in memory); starts count from `offset`.
Blocks make_blocks(const AxisOperator& op, float factor, int lead, int offset) {
  Blocks blocks;
  for (int begin = -lead; begin < op.rows; begin += kBlock) {
    int first = op.cells, last = -1;
    for (int x = std::max(0, begin); x < std::min(op.rows, begin + kBlock); ++x) {
      first = std::min(first, op.first[static_cast<std::size_t>(x)]);
      last = std::max(last, op.last[static_cast<std::size_t>(x)]);
    }
    first = std::min(first, last + 1);
    blocks.start.push_back(offset + first);
    blocks.count.push_back(last - first + 1);
    blocks.stride = std::max(blocks.stride, last - first + 1);
  }
  const auto stride = static_cast<std::size_t>(blocks.stride);
  blocks.weights.assign(stride * blocks.start.size(), BlockWeights{});
  for (int x = 0; x < op.rows; ++x) {
    const auto row = static_cast<std::size_t>(x);
    const auto block = static_cast<std::size_t>((x + lead) / kBlock);
    const int first = blocks.start[block] - offset;
    for (int cell = op.first[row]; cell <= op.last[row]; ++cell) {
      const auto tap =
          row * static_cast<std::size_t>(op.taps) + static_cast<std::size_t>(cell - op.start[row]);
      const std::size_t at = block * stride + static_cast<std::size_t>(cell - first);
      blocks.weights[at].place[(x + lead) % kBlock] = op.weights[tap] * factor;
    }
  }
  return blocks;
}

/// One scale with its operators. `offset`: where its cells begin among those of all scales.
struct Scale {
  ScaleMaps from;
  std::shared_ptr<const AxisOperator> rows, columns;
  Blocks row_blocks, column_blocks;
  int padded_width = 0, offset = 0;
};

/// Whether row `at` of the operator touches the cell.
bool row_touches(const AxisOperator& op, int at, int cell) {
  const auto row = static_cast<std::size_t>(at);
  if (cell < op.first[row] || cell > op.last[row]) return false;
  const auto tap =
      row * static_cast<std::size_t>(op.taps) + static_cast<std::size_t>(cell - op.start[row]);
  return touches(op.weights[tap]);
}

bool all_finite(const float* values, int count) {
  // Adding one to a full exponent carries into the sign bit. Written so that it is vectorised.
  std::uint32_t carried = 0;
  for (int i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    carried |= (bits & 0x7fffffffu) + 0x00800000u;
  }
  return carried < 0x80000000u;
}

/// The cells of a plane that a band of the canvas needs, rows padded with zeros to whole vectors,
/// and with zeros where a cell is not finite (`broken` says whether one was not).
struct BandCells {
  float* values = nullptr;
  int first_row = 0, rows = 0;
  bool broken = false;
};

BandCells copy_cells(const Scale& scale, std::int64_t plane, int first_block, int last_block,
                     ScratchFrame& scratch) {
  BandCells band;
  band.first_row = scale.from.y.cells;
  int end_row = 0;
  for (int block = first_block; block < last_block; ++block) {
    const auto at = static_cast<std::size_t>(block);
    band.first_row = std::min(band.first_row, scale.row_blocks.start[at]);
    end_row = std::max(end_row, scale.row_blocks.start[at] + scale.row_blocks.count[at]);
  }
  band.rows = std::max(0, end_row - band.first_row);
  const int width = scale.from.x.cells;
  band.values = scratch.take<float>(static_cast<std::int64_t>(band.rows) * scale.padded_width);
  const float* source = scale.from.floats() + (plane * scale.from.y.cells + band.first_row) *
                                                  static_cast<std::int64_t>(width);
  for (int row = 0; row < band.rows; ++row) {
    float* target = band.values + static_cast<std::int64_t>(row) * scale.padded_width;
    std::memcpy(target, source + static_cast<std::int64_t>(row) * width,
                sizeof(float) * static_cast<std::size_t>(width));
    if (!all_finite(target, width)) {
      band.broken = true;
      for (int x = 0; x < width; ++x) target[x] = std::isfinite(target[x]) ? target[x] : 0.0f;
    }
    for (int x = width; x < scale.padded_width; ++x) target[x] = 0.0f;
  }
  return band;
}

/// Writes NaN to every pixel of the band that touches a cell which is not finite.
void spread_broken_cells(const Scale& scale, std::int64_t plane, const BandCells& band, int begin,
                         int end, float* out) {
  const int width = scale.from.x.cells, canvas = scale.columns->rows;
  std::vector<char> touched(static_cast<std::size_t>(canvas));
  for (int row = band.first_row; row < band.first_row + band.rows; ++row) {
    const float* cells =
        scale.from.floats() + (plane * scale.from.y.cells + row) * static_cast<std::int64_t>(width);
    if (all_finite(cells, width)) continue;
    for (int x = 0; x < canvas; ++x) {
      const auto at = static_cast<std::size_t>(x);
      touched[at] = 0;
      for (int cell = scale.columns->first[at]; cell <= scale.columns->last[at]; ++cell) {
        if (!std::isfinite(cells[cell]) && row_touches(*scale.columns, x, cell)) touched[at] = 1;
      }
    }
    for (int y = begin; y < end; ++y) {
      if (!row_touches(*scale.rows, y, row)) continue;
      for (int x = 0; x < canvas; ++x) {
        if (touched[static_cast<std::size_t>(x)]) {
          out[static_cast<std::int64_t>(y) * canvas + x] = std::numeric_limits<float>::quiet_NaN();
        }
      }
    }
  }
}

/// Everything that the tasks of one call share.
struct Plan {
  std::vector<Scale> scales;
  std::vector<ResizeBlocks> columns;  // of every scale
  int height = 0, width = 0;          // canvas
  int row_width = 0;                  // cells of all scales side by side
  int lead = 0;                       // pixels of the first block that lie before the canvas
  bool streamed = false;
};

/// Sixteen rows of the canvas (or places to put those that are not wanted) from `cells`.
void resize_rows(const Plan& plan, const float* cells, float* const* rows, float* edge) {
  const Kernels& kernel = kernels();
  const int count = static_cast<int>(plan.columns.size());
  const int blocks = (plan.lead + plan.width + kBlock - 1) / kBlock;
  const int first_whole = plan.lead > 0 ? 1 : 0;
  const int last_whole = std::max(first_whole, (plan.lead + plan.width) / kBlock);
  float* targets[kBlock];

  // Blocks that stick out of the canvas go through a small buffer.
  const auto partial_block = [&](int block) {
    for (int row = 0; row < kBlock; ++row) targets[row] = edge + kBlock * row;
    kernel.resize_average_across(cells, plan.columns.data(), count, block, block + 1, targets,
                                 false);
    const int begin = kBlock * block - plan.lead;
    const int from = std::max(0, begin), to = std::min(plan.width, begin + kBlock);
    for (int row = 0; row < kBlock; ++row) {
      std::memcpy(rows[row] + from, targets[row] + (from - begin),
                  sizeof(float) * static_cast<std::size_t>(to - from));
    }
  };
  if (first_whole > 0) partial_block(0);
  for (int row = 0; row < kBlock; ++row) {
    targets[row] = rows[row] + (kBlock * first_whole - plan.lead);
  }
  kernel.resize_average_across(cells, plan.columns.data(), count, first_whole, last_whole, targets,
                               plan.streamed);
  if (blocks > last_whole) partial_block(last_whole);
}

/// Rows [begin, end) of one plane; begin is the first row of a block.
void resize_band(const Plan& plan, std::int64_t plane, int begin, int end, float* out) {
  const Kernels& kernel = kernels();
  ScratchFrame scratch;
  const int first_block = begin / kBlock, last_block = (end + kBlock - 1) / kBlock;
  std::vector<BandCells> bands;
  for (const Scale& scale : plan.scales) {
    bands.push_back(copy_cells(scale, plane, first_block, last_block, scratch));
  }
  float* cells = scratch.take<float>(static_cast<std::int64_t>(kBlock) * plan.row_width);
  float* edge = scratch.take<float>(kBlock * kBlock);
  // Where rows below the band go: as aligned as those of the canvas.
  float* spare = scratch.take<float>(plan.width + kBlock) + plan.lead;

  for (int block = first_block; block < last_block; ++block) {
    const auto at = static_cast<std::size_t>(block);
    for (std::size_t s = 0; s < bands.size(); ++s) {
      const Scale& scale = plan.scales[s];
      const Blocks& rows = scale.row_blocks;
      const std::int64_t first = rows.start[at] - bands[s].first_row;
      kernel.resize_average_down(bands[s].values + first * scale.padded_width, scale.padded_width,
                                 rows.weights[at * static_cast<std::size_t>(rows.stride)].place,
                                 rows.count[at], scale.padded_width,
                                 cells + static_cast<std::int64_t>(kBlock) * scale.offset);
    }
    float* rows[kBlock];
    for (int row = 0; row < kBlock; ++row) {
      const int y = kBlock * block + row;
      rows[row] = y < end ? out + static_cast<std::int64_t>(y) * plan.width : spare;
    }
    resize_rows(plan, cells, rows, edge);
  }
  if (plan.streamed) stream_fence();
  for (std::size_t s = 0; s < bands.size(); ++s) {
    if (bands[s].broken) spread_broken_cells(plan.scales[s], plane, bands[s], begin, end, out);
  }
}

Plan make_plan(const std::vector<ScaleMaps>& scales, std::int64_t planes, const float* out) {
  Plan plan;
  const int height = scales.front().y.canvas, width = scales.front().x.canvas;
  plan.height = height;
  plan.width = width;
  const std::int64_t bytes = planes * height * width * static_cast<std::int64_t>(sizeof(float));
  // Whole vectors can only be streamed to aligned places: all rows must be aligned alike.
  plan.streamed = width % kBlock == 0 && worth_streaming(bytes);
  if (plan.streamed)
    plan.lead = static_cast<int>(reinterpret_cast<std::uintptr_t>(out) / 4 % kBlock);
  for (const ScaleMaps& from : scales) {
    Scale scale;
    scale.from = from;
    scale.rows = axis_operator(from.y);
    scale.columns = axis_operator(from.x);
    if (from.weight == 0) continue;
    scale.padded_width = (from.x.cells + kBlock - 1) / kBlock * kBlock;
    scale.offset = plan.row_width;
    plan.row_width += scale.padded_width;
    scale.row_blocks = make_blocks(*scale.rows, 1.0f, 0, 0);
    scale.column_blocks = make_blocks(*scale.columns, from.weight, plan.lead, scale.offset);
    plan.scales.push_back(std::move(scale));
  }
  for (const Scale& scale : plan.scales) plan.columns.push_back(scale.column_blocks.view());
  return plan;
}

}  // namespace

// Sixteen rows of the canvas at a time: the cells of every scale are combined down the columns,
// into sixteen short rows, and those across, all scales before a pixel is written. Nothing of
// canvas size exists but the output, which is written once.
void resize_average_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes, float* out) {
  if (planes == 0) return;
  const Plan plan = make_plan(scales, planes, out);
  const std::int64_t bands = (plan.height + kBandRows - 1) / kBandRows;
  const std::int64_t plane_size = static_cast<std::int64_t>(plan.height) * plan.width;
  parallel_for(planes * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t plane = task / bands;
      const int top = static_cast<int>(task % bands) * kBandRows;
      resize_band(plan, plane, top, std::min(plan.height, top + kBandRows),
                  out + plane * plane_size);
    }
  });
}

}  // namespace heatpose
