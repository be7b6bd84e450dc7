#pragma once

#include <cstdint>

#include "common/macros.h"
#include "heatpose/cuda_call.h"
#include "heatpose/find_peaks.h"

// People from peaks on the network's own grid, in four steps: refine the peaks, score every pair of
// a limb, assign pairs so that the sum of scores is greatest, and gather what hangs together.
//
// N images, K keypoints, M peaks of each at most, L limbs, maps of H x W cells. Counts on a device
// are taken as 0 to M, whatever they say; entries past a count are neither read nor written unless
// told otherwise. Places are shares (x, y) of width and height, see common/grid_rule.h.

namespace heatpose {

/// Where the peaks of each keypoint are counted.
struct GridPeaks {
  std::int64_t images = 0;
  int keypoints = 0, max_peaks = 0;
  const std::int32_t* counts = nullptr;  ///< [N, K]
};

struct GridLimbs {
  int count = 0;
  const std::int32_t* parts = nullptr;     ///< [L, 2] keypoints a and b, checked
  const std::int32_t* channels = nullptr;  ///< [L, 2] field channels x and y, checked
};

/// The centre of the (2 reach + 1)^2 values around each peak.
///   maps    float32 [N, K, H, W]
///   xy      int32 [N, K, M, 2]  pixels
///   places  float32 [N, K, M, 2]  out; zero past the count
void refine_peaks_cpu(const float* maps, int height, int width, const GridPeaks& peaks,
                      const std::int32_t* xy, int reach, float* places);
void refine_peaks_cuda(const float* maps, int height, int width, const GridPeaks& peaks,
                       const std::int32_t* xy, int reach, float* places, const CudaCall& call);

/// The mean of a limb's field along every pair of peaks.
///   fields  float32 [N, channels, H, W]
///   places  float32 [N, K, M, 2]
///   scores  float32 [N, L, M, M]  out: [a's peak, b's peak]; zero past the counts
void score_pairs_cpu(const float* fields, int channels, int height, int width,
                     const GridPeaks& peaks, const float* places, const GridLimbs& limbs,
                     int samples, float* scores);
void score_pairs_cuda(const float* fields, int channels, int height, int width,
                      const GridPeaks& peaks, const float* places, const GridLimbs& limbs,
                      int samples, float* scores, const CudaCall& call);

/// The pairs whose scores have the greatest sum, each peak once; those above the threshold stay.
///   scores    float32 [N, L, M, M]
///   partners  int32 [N, L, 2, M]  out: b's peak for each of a's, a's for each of b's; else -1
void assign_pairs_cpu(const float* scores, const GridPeaks& peaks, const GridLimbs& limbs,
                      float threshold, std::int32_t* partners);
void assign_pairs_cuda(const float* scores, const GridPeaks& peaks, const GridLimbs& limbs,
                       float threshold, std::int32_t* partners, const CudaCall& call);

/// Peaks that hang together, breadth first.
///   partners       int32 [N, L, 2, M]; what is not from 0 to M - 1 is none
///   people         int32 [N, P, K]  out: index of a peak, -1 where missing and past the count
///   person_counts  int32 [N]  out
void connect_peaks_cpu(const std::int32_t* partners, const GridPeaks& peaks, const GridLimbs& limbs,
                       int max_people, std::int32_t* people, std::int32_t* person_counts);
void connect_peaks_cuda(const std::int32_t* partners, const GridPeaks& peaks,
                        const GridLimbs& limbs, int max_people, std::int32_t* people,
                        std::int32_t* person_counts, const CudaCall& call);

/// What all of it reads: heatmaps float32 [N, K, H, W] and fields float32 [N, channels, H, W].
struct GridMaps {
  const float *heatmaps, *fields;
  std::int64_t images;
  int keypoints, channels, height, width;
};

struct GridOptions {
  int reach = 2;  ///< of the refinement
  int samples = 7;
  float threshold = 0.1f;  ///< of a connection
  int max_people = 100;
};

struct GridPeopleView {
  float* places;         ///< [N, K, M, 2]
  std::int32_t* people;  ///< [N, P, K]
  std::int32_t* counts;  ///< [N]
};

/// Peaks, and the four steps. Scores are kept for as long as they are needed.
void grid_people_cpu(const GridMaps& maps, const PeakOptions& peak_options,
                     const GridOptions& options, const GridLimbs& limbs, const PeaksView& found,
                     const GridPeopleView& out);
void grid_people_cuda(const GridMaps& maps, const PeakOptions& peak_options,
                      const GridOptions& options, const GridLimbs& limbs, const PeaksView& found,
                      const GridPeopleView& out, const CudaCall& call);

}  // namespace heatpose
