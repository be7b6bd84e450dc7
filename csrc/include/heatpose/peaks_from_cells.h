#pragma once

#include <cstdint>
#include <vector>

#include "heatpose/find_peaks.h"
#include "heatpose/scale_maps.h"

namespace heatpose {

/// How the averaged map is smoothed before its peaks are looked for.
struct SmoothOptions {
  std::vector<double> taps;  ///< odd count, centred; empty for no smoothing
  Border border = Border::kReflect;
};

/// Where a peak is reported.
enum class Refine : int {
  kNone = 0,      ///< at its pixel
  kCentroid = 1,  ///< at the centroid of the positive smoothed values of the 7x7 window around it
  kTaylor = 2,    ///< at the maximum of the parabola through the logarithms around it
};

/// The peaks of P planes on the canvas, straight from the cells: the smoothed average is evaluated
/// only in tiles that no bound rules out, so nothing of canvas size is ever made. Scores are values
/// of the average that is not smoothed. `refined` (float32 [P, M, 2]) may be null with kNone.
void peaks_from_cells_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes,
                          const SmoothOptions& smooth, const PeakOptions& options, Refine refine,
                          const PeaksView& out, float* refined);

}  // namespace heatpose
