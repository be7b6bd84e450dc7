#pragma once

#include <cstdint>

#include "common/half.h"
#include "common/peak_rule.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

struct PeakOptions {
  float threshold = 0.1f;  ///< a peak is above it, in the map's own units
  int connectivity = 4;    ///< 4 or 8 neighbours
  Ties ties = Ties::kFirst;
  int max_peaks = 128;  ///< per plane; of more, those with the highest score are kept
  int reach = -1;  ///< from 0: a peak must win in the (2 reach + 1)^2 square, whatever connectivity
  bool inclusive = false;   ///< a peak may also equal the threshold
  bool keep_first = false;  ///< of too many peaks the first in raster order are kept
};

/// Peaks of P planes, padded: raster order within a plane, entries past the count are zero.
struct PeaksView {
  std::int32_t* xy;        ///< [P, M, 2] (x, y) in pixels
  float* scores;           ///< [P, M]
  std::int32_t* counts;    ///< [P]
  std::uint8_t* overflow;  ///< [P] 1 where more than M were found
};

/// The local maxima of each plane. Outside the map counts as 0; NaN is never a peak and beats none.
///   maps    float32 [P, H, W]  where the maxima are looked for
///   scores  float32 [P, H, W]  where their scores are read (may be `maps`)
void find_peaks_cpu(const float* maps, const float* scores, std::int64_t planes, int height,
                    int width, const PeakOptions& options, const PeaksView& out);

/// The same on a CUDA device; maps and scores of one of the cell types.
void find_peaks_cuda(const void* maps, const void* scores, CellType type, std::int64_t planes,
                     int height, int width, const PeakOptions& options, const PeaksView& out,
                     const CudaCall& call);

}  // namespace heatpose
