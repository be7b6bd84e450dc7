#include "heatpose/average_flipped.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "common/flip_rule.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"

// Two maps are read and one is written, once each: the memory sets the pace. A thread averages 16
// bytes of cells, which face 16 bytes of the mirrored row; a warp reads and writes whole lines on
// both sides. `out` may be the maps themselves: who writes a cell has read it.

namespace heatpose {
namespace {

constexpr int kThreads = 256;
constexpr int kListed = 512;  // keypoints of one launch: their flips are a kernel's parameter

template <typename Cell>
struct FlipJob {
  static constexpr int kCells = 16 / sizeof(Cell);  ///< of a chunk

  const Cell *maps, *mirrored;
  Cell* out;
  int height, width;
  int rows;   ///< of a block
  int bands;  ///< blocks of a map
  int keypoints, first, listed;
  bool shift;
  bool chunked;  ///< every row lies at a multiple of 16 bytes and is some of them long
  std::int32_t flip[kListed];

  HEATPOSE_METHOD int across() const { return chunked ? width / kCells : width; }
};

template <typename Cell>
HEATPOSE_DEVICE void load_chunk(const Cell* from, Cell* cells) {
  const Float4 raw = load_streaming(reinterpret_cast<const Float4*>(from));
  std::memcpy(cells, &raw, sizeof raw);
}

template <typename Cell>
HEATPOSE_DEVICE void average_cell(Cell cell, Cell mirrored, Cell* out) {
  round_to(mean_of(to_float(cell), to_float(mirrored)), out);
}

/// Cells x .. x + kCells - 1 of a row.
template <typename Cell>
HEATPOSE_DEVICE void average_chunk(const FlipJob<Cell>& job, const Cell* row, const Cell* mirrored,
                                   Cell* out, int x) {
  constexpr int kCells = FlipJob<Cell>::kCells;
  Cell cells[kCells], facing[kCells];
  load_chunk(row + x, cells);
  load_chunk(mirrored + job.width - kCells - x, facing);
  if (job.shift) {
    const Cell first = mirrored[mirrored_column(x, job.width, true)];
    average_cell(cells[0], first, &cells[0]);
    HEATPOSE_UNROLL
    for (int i = 1; i < kCells; ++i) average_cell(cells[i], facing[kCells - i], &cells[i]);
  } else {
    HEATPOSE_UNROLL
    for (int i = 0; i < kCells; ++i) average_cell(cells[i], facing[kCells - 1 - i], &cells[i]);
  }
  Float4 raw;
  std::memcpy(&raw, cells, sizeof raw);
  *reinterpret_cast<Float4*>(out + x) = raw;
}

/// A block averages some rows of a map.
template <typename Cell>
HEATPOSE_KERNEL(kThreads)
average_bands(const FlipJob<Cell> job) {
  const auto block = static_cast<std::uint32_t>(block_index());  // 64-bit divisions are slow
  const std::uint32_t map = block / static_cast<std::uint32_t>(job.bands);
  const int band = static_cast<int>(block % static_cast<std::uint32_t>(job.bands));
  const std::int64_t instance = map / static_cast<std::uint32_t>(job.listed);
  const int k = static_cast<int>(map % static_cast<std::uint32_t>(job.listed));

  const std::int64_t map_size = static_cast<std::int64_t>(job.height) * job.width;
  const int top = band * job.rows;
  const std::int64_t start =
      instance * job.keypoints * map_size + static_cast<std::int64_t>(top) * job.width;
  const std::int64_t at = start + (job.first + k) * map_size;
  const Cell* const maps = job.maps + at;
  const Cell* const mirrored = job.mirrored + start + job.flip[k] * map_size;
  Cell* const out = job.out + at;

  const int across = job.across();
  const int rows = job.height - top < job.rows ? job.height - top : job.rows;
  for (int i = thread_index(); i < rows * across; i += block_threads()) {
    const std::int64_t row = static_cast<std::int64_t>(i / across) * job.width;
    const int x = i % across;
    if (job.chunked) {
      average_chunk(job, maps + row, mirrored + row, out + row, x * FlipJob<Cell>::kCells);
    } else {
      const int column = mirrored_column(x, job.width, job.shift);
      average_cell(maps[row + x], mirrored[row + column], out + row + x);
    }
  }
}

bool aligned(const void* at) { return reinterpret_cast<std::uintptr_t>(at) % 16 == 0; }

template <typename Cell>
void average(const FlippedMaps& maps, const CudaCall& call) {
  FlipJob<Cell> job{};
  job.maps = static_cast<const Cell*>(maps.maps);
  job.mirrored = static_cast<const Cell*>(maps.mirrored);
  job.out = static_cast<Cell*>(maps.out);
  job.height = maps.height;
  job.width = maps.width;
  job.keypoints = maps.keypoints;
  job.shift = maps.shift;
  job.chunked = aligned(maps.maps) && aligned(maps.mirrored) && aligned(maps.out) &&
                maps.width % FlipJob<Cell>::kCells == 0;
  job.rows = std::clamp(kThreads / job.across(), 1, maps.height);
  job.bands = static_cast<int>(ceil_div(maps.height, job.rows));
  const std::int64_t threads = ceil_div(std::int64_t{job.rows} * job.across(), kWarp) * kWarp;
  for (; job.first < maps.keypoints; job.first += kListed) {
    job.listed = std::min(kListed, maps.keypoints - job.first);
    std::copy(maps.flip + job.first, maps.flip + job.first + job.listed, job.flip);
    launch(call, "average_flipped", average_bands<Cell>, maps.instances * job.listed * job.bands,
           static_cast<int>(std::min<std::int64_t>(threads, kThreads)), 0, job);
  }
}

}  // namespace

void average_flipped_cuda(const FlippedMaps& job, const CudaCall& call) {
  if (job.instances == 0 || job.height == 0 || job.width == 0) return;
  const DeviceGuard guard(call);
  with_cell_type(job.type,
                 [&](const auto* cell) { average<std::decay_t<decltype(*cell)>>(job, call); });
}

}  // namespace heatpose
