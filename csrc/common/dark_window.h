#pragma once

#include <cmath>

#include "common/macros.h"
#include "common/refine_rule.h"

namespace heatpose {

/// The cells around a map's maximum (x, y) from which DARK or DARK-UDP makes its step: an odd
/// square of them, in row order.
struct DarkWindow {
  Refinement method;
  int x, y, width, height;

  HEATPOSE_METHOD bool udp() const { return method == Refinement::kDarkUdp; }
  HEATPOSE_METHOD int reach() const { return udp() ? 1 : 2; }
  HEATPOSE_METHOD int side() const { return 2 * reach() + 1; }
  HEATPOSE_METHOD int cells() const { return side() * side(); }
  HEATPOSE_METHOD bool refines() const { return udp() || dark_refines(x, y, width, height); }

  /// Whether the step reads cell i.
  HEATPOSE_METHOD bool reads(int i) const {
    const int dx = i % side() - reach(), dy = i / side() - reach();
    return udp() ? dark_udp_reads(dx, dy) : dark_reads(dx, dy);
  }
  /// Column and row of the map whose value cell i has: the nearest ones where it lies outside.
  HEATPOSE_METHOD int column(int i) const { return inside(x + i % side() - reach(), width); }
  HEATPOSE_METHOD int row(int i) const { return inside(y + i / side() - reach(), height); }

  /// The step from the logarithms of the cells that are read.
  HEATPOSE_METHOD bool step(const double* logs, Step* to) const {
    return udp() ? dark_udp_step(logs, to) : dark_step(logs, to);
  }

 private:
  HEATPOSE_METHOD static int inside(int at, int count) {
    return at < 0 ? 0 : at < count ? at : count - 1;
  }
};
constexpr int kMostDarkCells = 25;

/// The scale of a blurred map whose highest value is `highest`. False where it has none.
HEATPOSE_RULE bool dark_scale(double maximum, double highest, double* scale) {
  if (highest == 0.0 || highest < kTouched) return false;
  *scale = maximum / highest;
  return true;
}

/// The log of a blurred value under the clamp that applies; `scale` is used where that needs it.
HEATPOSE_RULE double dark_log(double blurred, Clamp clamp, double scale, ClampRange range) {
  return clamp == Clamp::kIdle ? log(blurred) : clamped_log(blurred, scale, range);
}

}  // namespace heatpose
