#pragma once

#include <cmath>

#include "common/macros.h"

// From the highest cell of a top-down heatmap to a place between cells.
//
// Coordinates are cells, (0, 0) the centre of the top-left one. NaN counts as minus infinity.

namespace heatpose {

enum class Refinement : int {
  kNone = 0,
  kQuarter = 1,  ///< a quarter of a cell towards the larger neighbour
  kDark = 2,     ///< Newton step on the log of the blurred map (Zhang et al., 2020)
  kDarkUdp = 3,  ///< the same with unit differences, clamped to [1e-3, 50] (Huang et al., 2020)
};

enum class QuarterBorder : int {
  kJoint = 0,    ///< both axes move, or none: 1 < x < w - 1 and 1 < y < h - 1
  kPerAxis = 1,  ///< an axis moves when its own coordinate is that far inside
};

struct Step {
  double x, y;
};

/// (x, y) under an affine map, [2, 3] in row order.
HEATPOSE_RULE Step transformed(const double* affine, double x, double y) {
  return {affine[0] * x + affine[1] * y + affine[2], affine[3] * x + affine[4] * y + affine[5]};
}

/// The blur's sigma in cells, from its odd kernel size.
HEATPOSE_RULE double dark_sigma(int kernel) { return 0.3 * ((kernel - 1) * 0.5 - 1.0) + 0.8; }

/// The blur's `kernel` weights along one axis; they sum to one.
HEATPOSE_RULE void gaussian_taps(int kernel, double sigma, double* taps) {
  const int radius = kernel / 2;
  double sum = 0.0;
  for (int i = 0; i < kernel; ++i) {
    const double t = (i - radius) / sigma;
    taps[i] = exp(-0.5 * t * t);
    sum += taps[i];
  }
  for (int i = 0; i < kernel; ++i) taps[i] /= sum;
}

/// The column or row that a given place lies in, cut to whole cells; -1 outside the map.
HEATPOSE_RULE int cell_of(float place, int count) {
  if (!(place > -1.0f && place < static_cast<float>(count))) return -1;
  const int cell = static_cast<int>(place);
  return cell < count ? cell : -1;  // which a map without cells would not let through
}

/// 0.25 towards the greater of two neighbours, 0 between equal ones. Compares instead of
/// subtracting, so that infinite neighbours have an answer.
HEATPOSE_RULE double quarter_towards(float before, float after) {
  if (before != before) before = -HUGE_VALF;
  if (after != after) after = -HUGE_VALF;
  return after > before ? 0.25 : before > after ? -0.25 : 0.0;
}

/// Which axes the quarter shift may move at (x, y); where it may, both neighbours are in the map.
HEATPOSE_RULE bool quarter_moves_x(int x, int y, int width, int height, QuarterBorder border) {
  const bool inside = x > 1 && x < width - 1;
  return inside && (border == QuarterBorder::kJoint ? y > 1 && y < height - 1 : y > 0);
}
HEATPOSE_RULE bool quarter_moves_y(int x, int y, int width, int height, QuarterBorder border) {
  return quarter_moves_x(y, x, height, width, border);
}

/// Whether DARK refines the maximum at (x, y): its differences reach two cells to every side.
HEATPOSE_RULE bool dark_refines(int x, int y, int width, int height) {
  return x > 1 && x < width - 2 && y > 1 && y < height - 2;
}

// -------------------------------------------------------------------------------------------------
// DARK takes the log of the blurred map G, scaled by s = maximum(map) / maximum(G) and clamped.
// A scale only adds a constant to the log, and the differences of the Newton step cancel it. So s,
// and with it the blur of the whole map, is needed only where a clamp changes one of the few cells
// that the step reads. The weights are not negative and sum to at most one, therefore
// maximum(G) <= maximum(map), and s >= 1 as soon as any blurred value is positive. Who asks for no
// scale gets s = 1.

struct ClampRange {
  double low, high;
};
HEATPOSE_RULE ClampRange clamp_range(Refinement method) {
  if (method == Refinement::kDarkUdp) return {1e-3, 50.0};
  return {1e-10, HUGE_VAL};
}

enum class Clamp {
  kIdle,   ///< changes none of the cells: the scale cancels
  kFlat,   ///< makes all of them equal: there is no step
  kNeeds,  ///< cannot be told without the maximum of the whole blurred map
};

/// What clamping does to blurred values between `smallest` and `largest`, of a map with this
/// `maximum`, before their scale is known.
HEATPOSE_RULE Clamp clamp_state(double smallest, double largest, double maximum, ClampRange range) {
  if (!(largest > 0.0)) return Clamp::kNeeds;  // the scale could even be negative
  if (maximum <= range.low || smallest >= range.high) return Clamp::kFlat;
  return smallest >= range.low && maximum <= range.high ? Clamp::kIdle : Clamp::kNeeds;
}

/// Stands for minus infinity (and NaN) in a blur, because 0 * infinity is NaN and 0 * this is 0.
/// A blurred value below kTouched has such a cell under its kernel.
constexpr double kMinusInfinity = -1e300;
constexpr double kTouched = -1e250;

/// The log of a clamped value; infinite for a value that must not be used.
HEATPOSE_RULE double clamped_log(double blurred, double scale, ClampRange range) {
  double value = blurred * scale;
  if (scale < 0.0 && blurred < kTouched) value = HUGE_VAL;
  if (value < range.low) value = range.low;
  if (value > range.high) value = range.high;
  return log(value);
}

/// The step that takes a quadratic with this gradient and Hessian to its stationary point. False,
/// for no step, where the Hessian is singular or the step is not finite in float32.
HEATPOSE_RULE bool newton_step(double dx, double dy, double dxx, double dxy, double dyy,
                               Step* step) {
  const double det = dxx * dyy - dxy * dxy;
  if (det == 0.0) return false;
  step->x = -(dyy * dx - dxy * dy) / det;
  step->y = -(dxx * dy - dxy * dx) / det;
  constexpr double kLargest = 1e38;
  return fabs(step->x) < kLargest && fabs(step->y) < kLargest;  // false for NaN
}

/// DARK: differences over one and two cells. `logs` is the 5 x 5 neighbourhood in row order, of
/// which 13 cells are read: the two diagonals of radius 1 and the axes.
HEATPOSE_RULE bool dark_step(const double* logs, Step* step) {
  const double* at = logs + 12;
  const double dx = 0.5 * (at[1] - at[-1]);
  const double dy = 0.5 * (at[5] - at[-5]);
  const double dxx = 0.25 * (at[2] - 2.0 * at[0] + at[-2]);
  const double dyy = 0.25 * (at[10] - 2.0 * at[0] + at[-10]);
  const double dxy = 0.25 * (at[6] - at[-4] - at[4] + at[-6]);
  return newton_step(dx, dy, dxx, dxy, dyy, step);
}
HEATPOSE_RULE bool dark_reads(int dx, int dy) {
  const int ax = dx < 0 ? -dx : dx, ay = dy < 0 ? -dy : dy;
  return ax + ay <= 2;
}

/// DARK-UDP: unit differences, and float32's epsilon added to the Hessian's diagonal, which keeps
/// flat maps regular. `logs` is the 3 x 3 neighbourhood in row order; outside the map the nearest
/// cell stands in. The mixed difference leaves out two of the corners.
HEATPOSE_RULE bool dark_udp_step(const double* logs, Step* step) {
  constexpr double kEpsilon = 1.1920928955078125e-7;
  const double* at = logs + 4;
  const double dx = 0.5 * (at[1] - at[-1]);
  const double dy = 0.5 * (at[3] - at[-3]);
  const double dxx = at[1] - 2.0 * at[0] + at[-1];
  const double dyy = at[3] - 2.0 * at[0] + at[-3];
  const double dxy = 0.5 * (at[4] - at[1] - at[3] + 2.0 * at[0] - at[-1] - at[-3] + at[-4]);
  return newton_step(dx, dy, dxx + kEpsilon, dxy, dyy + kEpsilon, step);
}
HEATPOSE_RULE bool dark_udp_reads(int dx, int dy) { return dx * dy >= 0; }

}  // namespace heatpose
