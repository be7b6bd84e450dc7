#pragma once

// The scales of a search as kernels see them: cells where they lie, and the operators in the tables
// that the caller has brought to the device.

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "common/half.h"
#include "common/scale_tables.h"
#include "cuda/block.h"

namespace heatpose {

/// A banded matrix, see AxisOperator.
struct DeviceAxis {
  const std::int32_t* words;
  int rows, cells, taps;

  HEATPOSE_METHOD int start(int row) const { return words[row]; }
  HEATPOSE_METHOD int first(int row) const { return words[rows + row]; }
  HEATPOSE_METHOD int last(int row) const { return words[2 * rows + row]; }
  /// [taps] of a row, from cell start(row) on.
  HEATPOSE_METHOD const float* weights(int row) const {
    return reinterpret_cast<const float*>(words + 3 * static_cast<std::int64_t>(rows)) +
           static_cast<std::int64_t>(row) * taps;
  }
};

/// One axis of the canvas cut into tiles, see TileAxis. No tiles where the table has none.
struct DeviceTiles {
  const std::int32_t* words;
  int tiles, taps;

  HEATPOSE_METHOD int start(int tile) const { return words[tile]; }
  /// [taps, 16]
  HEATPOSE_METHOD const float* weights(int tile) const {
    return floats() + static_cast<std::int64_t>(tile) * taps * kTile;
  }
  /// [taps, tiles]
  HEATPOSE_METHOD const float* centres() const {
    return floats() + static_cast<std::int64_t>(tiles) * taps * kTile;
  }
  HEATPOSE_METHOD const float* radii() const {
    return floats() + static_cast<std::int64_t>(tiles) * taps * (kTile + 1);
  }

 private:
  HEATPOSE_METHOD const float* floats() const {
    return reinterpret_cast<const float*>(words + tiles);
  }
};

/// One plane of a stack of maps.
template <typename Cell>
struct DevicePlane {
  const Cell* cells;
  std::int64_t row_stride, column_stride;

  HEATPOSE_METHOD float at(int y, int x) const {
    return to_float(cells[y * row_stride + x * column_stride]);
  }
};

template <typename Cell>
struct DeviceScale {
  const Cell* cells;
  std::int64_t image_stride, channel_stride, row_stride, column_stride;
  float weight;
  DeviceAxis y, x;
  DeviceTiles tiles_y, tiles_x;

  HEATPOSE_METHOD DevicePlane<Cell> plane(std::int64_t image, std::int64_t channel) const {
    return {cells + image * image_stride + channel * channel_stride, row_stride, column_stride};
  }
};

/// More than any search uses; what fits a kernel's parameters.
constexpr int kMostScales = 12;

/// The scales of one TableSet, as a kernel's parameter.
template <typename Cell>
struct DeviceScales {
  int count = 0;
  DeviceScale<Cell> scales[kMostScales];
};

/// The value of the average at pixel (x, y) of the canvas; NaN where a touched cell is not finite.
template <typename Cell>
HEATPOSE_DEVICE float sample(const DeviceScales<Cell>& set, std::int64_t image,
                             std::int64_t channel, int x, int y) {
  float sum = 0.0f;
  for (int s = 0; s < set.count; ++s) {
    const DeviceScale<Cell>& scale = set.scales[s];
    const DevicePlane<Cell> plane = scale.plane(image, channel);
    const int y0 = scale.y.start(y), x0 = scale.x.start(x);
    const int x_first = scale.x.first(x), x_last = scale.x.last(x);
    const int y_last = scale.y.last(y);
    const float *wy = scale.y.weights(y), *wx = scale.x.weights(x);
    float value = 0.0f;
    for (int r = scale.y.first(y); r <= y_last; ++r) {
      float across = 0.0f;
      for (int c = x_first; c <= x_last; ++c) {
        across = multiply_add(wx[c - x0], plane.at(r, c), across);
      }
      value = multiply_add(wy[r - y0], across, value);
    }
    sum = multiply_add(scale.weight, value, sum);
  }
  // An infinite cell is no more a value than NaN is.
  return sum - sum == 0.0f ? sum : NAN;
}

/// Host: the scales with one set of their tables, which lie at `words` on the device.
template <typename Cell>
DeviceScales<Cell> device_scales(const std::vector<ScaleMaps>& scales, const ScaleTables& tables,
                                 std::size_t set, const std::int32_t* words) {
  if (scales.size() > kMostScales) {
    throw std::invalid_argument("at most " + std::to_string(kMostScales) +
                                " scales are averaged on a CUDA device, got " +
                                std::to_string(scales.size()));
  }
  DeviceScales<Cell> result;
  for (const ScaleMaps& scale : scales) {
    const ScaleTable& table = tables.sets[set][static_cast<std::size_t>(result.count)];
    const auto axis = [&](const AxisTable& from) {
      return DeviceAxis{words + from.at, from.op->rows, from.op->cells, from.op->taps};
    };
    const auto tiles = [&](const AxisTable& from) {
      if (!from.tiles) return DeviceTiles{nullptr, 0, 0};
      return DeviceTiles{words + from.tiles_at, from.tiles->tiles, from.tiles->taps};
    };
    result.scales[result.count++] = {static_cast<const Cell*>(scale.cells),
                                     scale.image_stride,
                                     scale.channel_stride,
                                     scale.row_stride,
                                     scale.column_stride,
                                     scale.weight,
                                     axis(table.y),
                                     axis(table.x),
                                     tiles(table.y),
                                     tiles(table.x)};
  }
  return result;
}

/// Host: calls `body` with a null pointer of the cells' type.
template <typename Body>
void with_cell_type(CellType type, Body body) {
  switch (type) {
    case CellType::kFloat32:
      return body(static_cast<const float*>(nullptr));
    case CellType::kFloat16:
      return body(static_cast<const Half*>(nullptr));
    case CellType::kBFloat16:
      return body(static_cast<const BFloat16*>(nullptr));
  }
}

}  // namespace heatpose
