#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/axis_operator.h"
#include "common/scale_maps.h"
#include "common/tile_axis.h"

namespace heatpose {

/// One way in which an op reads its scales: smoothed by `taps` or not, with tiles or without.
struct TableSet {
  std::vector<double> taps;
  Border border = Border::kReflect;
  bool tiles = false;
};

/// One axis of one scale in the tables. The operator lies `at` words from their start:
///   start, first, last [rows], weights [rows, taps]
/// and its tiles `tiles_at` words from it:
///   start [tiles], weights [tiles, taps, 16], centre, radius [taps, tiles]
/// (the last two by taps, because neighbouring threads bound neighbouring tiles).
struct AxisTable {
  std::shared_ptr<const AxisOperator> op;
  std::shared_ptr<const TileAxis> tiles;  ///< null where the set has none
  std::int64_t at = 0, tiles_at = 0;
};
struct ScaleTable {
  AxisTable y, x;
};

/// The operators of all scales, laid out as one array of 4-byte words, so that a device gets them
/// in one copy. They depend on the geometry alone.
struct ScaleTables {
  std::vector<std::vector<ScaleTable>> sets;  ///< [sets][scales]
  std::int64_t words = 0;
};

/// Throws std::invalid_argument on a geometry that axis_operator() refuses.
ScaleTables lay_out_tables(const std::vector<ScaleMaps>& scales, const std::vector<TableSet>& sets);

/// Writes the tables to `out`, room for `tables.words`; weights as their bits.
void write_tables(const ScaleTables& tables, std::int32_t* out);

}  // namespace heatpose
