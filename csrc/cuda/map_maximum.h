#pragma once

// The maximum of a map, found by a block.
//
// A thread remembers the first chunk that holds its highest value, not the cell: that is one
// comparison a chunk. Only who has the map's maximum looks for the cell in its chunk.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "common/half.h"
#include "cuda/block.h"

namespace heatpose {

/// Loads of a thread that are on their way at once.
constexpr int kMaximumLoads = 4;

struct alignas(16) Words {
  std::uint32_t word[4];
};

/// 16 bytes at once.
template <typename Cell>
struct Chunks {
  using Raw = Words;
  static constexpr int kCells = 16 / sizeof(Cell);
  HEATPOSE_METHOD static Raw load(const Cell* cells, std::int64_t at) {
    return reinterpret_cast<const Words*>(cells)[at];
  }
  HEATPOSE_METHOD static float cell(const Raw& raw, int i) {
    constexpr int kPerWord = 4 / sizeof(Cell);
    const std::uint32_t word = raw.word[i / kPerWord];
    Cell value;
    if constexpr (kPerWord == 1) {
      std::memcpy(&value, &word, sizeof value);
    } else {
      value.bits = static_cast<std::uint16_t>(i % 2 == 0 ? word : word >> 16);
    }
    return to_float(value);
  }
};

/// A cell at once.
template <typename Cell>
struct Singles {
  using Raw = Cell;
  static constexpr int kCells = 1;
  HEATPOSE_METHOD static Raw load(const Cell* cells, std::int64_t at) { return cells[at]; }
  HEATPOSE_METHOD static float cell(Raw raw, int) { return to_float(raw); }
};

struct Maximum {
  float value;         ///< minus infinity where there is no number
  std::int64_t index;  ///< of its first cell, where the value is positive
};

/// Over `count` cells; every thread gets it. NaN counts as minus infinity.
template <typename Reader, typename Cell>
HEATPOSE_DEVICE Maximum map_maximum(const Cell* cells, std::int64_t count) {
  const std::int64_t chunks = count / Reader::kCells, step = block_threads();
  float best = -HUGE_VALF;
  std::int64_t place = 0;
  for (std::int64_t first = thread_index(); first < chunks; first += kMaximumLoads * step) {
    // Past the end the last chunk is read again, which changes nothing.
    typename Reader::Raw raw[kMaximumLoads];
    HEATPOSE_UNROLL
    for (int k = 0; k < kMaximumLoads; ++k) {
      const std::int64_t at = first + k * step;
      raw[k] = Reader::load(cells, at < chunks ? at : chunks - 1);
    }
    HEATPOSE_UNROLL
    for (int k = 0; k < kMaximumLoads; ++k) {
      float high = Reader::cell(raw[k], 0);
      HEATPOSE_UNROLL
      for (int i = 1; i < Reader::kCells; ++i) high = fmaxf(high, Reader::cell(raw[k], i));
      if (high > best) {  // never for NaN, which fmaxf passes over
        const std::int64_t at = first + k * step;
        best = high;
        place = at < chunks ? at : chunks - 1;
      }
    }
  }
  const float value = block_reduce(best, [](float a, float b) { return fmaxf(a, b); });
  if (!(value > 0.0f)) return {value, 0};
  std::int64_t index = count;
  if (best == value) {
    const typename Reader::Raw raw = Reader::load(cells, place);
    HEATPOSE_UNROLL
    for (int i = Reader::kCells - 1; i >= 0; --i) {
      if (Reader::cell(raw, i) == value) index = place * Reader::kCells + i;
    }
  }
  return {value, block_reduce(index, [](std::int64_t a, std::int64_t b) { return a < b ? a : b; })};
}

}  // namespace heatpose
