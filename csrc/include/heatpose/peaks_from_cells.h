#pragma once

#include <cstdint>
#include <vector>

#include "common/scale_maps.h"
#include "common/scale_tables.h"
#include "heatpose/cuda_call.h"
#include "heatpose/find_peaks.h"

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

/// The same on a CUDA device: arrays of the device, maps of one of the cell types with any strides,
/// and `tables`, what write_tables() made of peaks_from_cells_tables(), brought there by the
/// caller.
inline std::vector<TableSet> peaks_from_cells_tables(const SmoothOptions& smooth) {
  return {{smooth.taps, smooth.border, true}, TableSet{}};  // the smoothed average, and the average
}
void peaks_from_cells_cuda(const std::vector<ScaleMaps>& scales, const std::int32_t* tables,
                           std::int64_t planes, const SmoothOptions& smooth,
                           const PeakOptions& options, Refine refine, const PeaksView& out,
                           float* refined, const CudaCall& call);

}  // namespace heatpose
