#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/border_rule.h"

namespace heatpose {

/// OpenCV's interpolations, with its conventions (half-pixel centres, no antialiasing except
/// area's, clamped border); nearest takes floor(dst * scale). Each axis is resized on its own: area
/// along an axis that shrinks, linear-like along one that grows.
enum class Interpolation : int { kNearest = 0, kLinear = 1, kCubic = 2, kArea = 3, kLanczos4 = 4 };

/// One axis of one scale: `cells` values enlarged by `stride`, cut to `content`, resized to
/// `canvas`.
struct AxisGeometry {
  int cells = 0;
  int stride = 1;
  int content = 0;                                ///< network-input pixels, 1 .. cells * stride
  int canvas = 0;                                 ///< pixels
  Interpolation enlarge = Interpolation::kCubic;  ///< cells -> cells * stride
  Interpolation resize = Interpolation::kCubic;   ///< content -> canvas
};

/// A banded matrix [rows, cells]: row y is weights[y * taps .. + taps) from cell start[y] on.
/// first/last bound the taps that are not zero but for rounding (1e-9), because only those cells
/// are touched (a NaN cell elsewhere does no harm).
struct AxisOperator {
  int rows = 0, cells = 0, taps = 0;
  std::vector<std::int32_t> start;        ///< [rows], start + taps <= max(cells, taps)
  std::vector<float> weights;             ///< [rows, taps], zero past the cells
  std::vector<std::int32_t> first, last;  ///< [rows] inclusive range of touched cells
};

/// The operator of an axis, followed by a convolution of the canvas with `taps` (odd count,
/// centred; empty for none). Computed in double precision, rounded once; the last few are kept,
/// because a camera asks for the same geometry every frame. Throws std::invalid_argument on bad
/// geometry.
std::shared_ptr<const AxisOperator> axis_operator(const AxisGeometry& geometry,
                                                  const std::vector<double>& taps = {},
                                                  Border border = Border::kReflect);

}  // namespace heatpose
