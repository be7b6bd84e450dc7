#include "common/scale_tables.h"

#include <cstring>

namespace heatpose {
namespace {

constexpr std::int64_t kAlign = 4;  // words: vector loads of 16 bytes

template <typename T>
std::int64_t words_of(const std::vector<T>& values) {
  static_assert(sizeof(T) == 4);
  return static_cast<std::int64_t>(values.size());
}

std::int64_t words_of(const AxisOperator& op) {
  return words_of(op.start) + words_of(op.first) + words_of(op.last) + words_of(op.weights);
}

std::int64_t words_of(const TileAxis& axis) {
  return words_of(axis.start) + words_of(axis.weights) +
         2 * static_cast<std::int64_t>(axis.tiles) * axis.taps;
}

template <typename T>
std::int32_t* copy(const std::vector<T>& values, std::int32_t* out) {
  if (!values.empty()) std::memcpy(out, values.data(), values.size() * sizeof(T));
  return out + values.size();
}

/// [tiles, padded_taps] as [taps, tiles].
std::int32_t* copy_by_tap(const TileAxis& axis, const std::vector<float>& values,
                          std::int32_t* out) {
  const float* from = values.data();
  for (int k = 0; k < axis.taps; ++k) {
    for (std::int64_t t = 0; t < axis.tiles; ++t) {
      std::memcpy(out++, from + t * axis.padded_taps + k, sizeof *out);
    }
  }
  return out;
}

void write_axis(const AxisTable& axis, std::int32_t* out) {
  std::int32_t* at = copy(axis.op->start, out + axis.at);
  at = copy(axis.op->first, at);
  at = copy(axis.op->last, at);
  copy(axis.op->weights, at);
  if (!axis.tiles) return;
  at = copy(axis.tiles->start, out + axis.tiles_at);
  at = copy(axis.tiles->weights, at);
  at = copy_by_tap(*axis.tiles, axis.tiles->centre, at);
  copy_by_tap(*axis.tiles, axis.tiles->radius, at);
}

}  // namespace

ScaleTables lay_out_tables(const std::vector<ScaleMaps>& scales,
                           const std::vector<TableSet>& sets) {
  ScaleTables tables;
  const auto reserve = [&](std::int64_t words) {
    const std::int64_t at = tables.words;
    tables.words += (words + kAlign - 1) / kAlign * kAlign;
    return at;
  };
  const auto add_axis = [&](const AxisGeometry& geometry, const TableSet& set) {
    AxisTable axis;
    axis.op = axis_operator(geometry, set.taps, set.border);
    axis.at = reserve(words_of(*axis.op));
    if (set.tiles) {
      axis.tiles = tile_axis(axis.op);
      axis.tiles_at = reserve(words_of(*axis.tiles));
    }
    return axis;
  };
  for (const TableSet& set : sets) {
    tables.sets.emplace_back();
    for (const ScaleMaps& scale : scales) {
      AxisTable y = add_axis(scale.y, set);
      AxisTable x = add_axis(scale.x, set);
      tables.sets.back().push_back({std::move(y), std::move(x)});
    }
  }
  return tables;
}

void write_tables(const ScaleTables& tables, std::int32_t* out) {
  std::memset(out, 0, sizeof(std::int32_t) * static_cast<std::size_t>(tables.words));
  for (const std::vector<ScaleTable>& set : tables.sets) {
    for (const ScaleTable& scale : set) {
      write_axis(scale.y, out);
      write_axis(scale.x, out);
    }
  }
}

}  // namespace heatpose
