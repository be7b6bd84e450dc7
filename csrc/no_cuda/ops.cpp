// The entry points of the CUDA backend in a build without it.

#include <stdexcept>

#include "heatpose/associate.h"
#include "heatpose/average_flipped.h"
#include "heatpose/decode_hand_maps.h"
#include "heatpose/decode_heatmaps.h"
#include "heatpose/find_peaks.h"
#include "heatpose/gaussian_smooth.h"
#include "heatpose/grid_people.h"
#include "heatpose/peaks_from_cells.h"
#include "heatpose/prepare_image.h"
#include "heatpose/resize_average.h"
#include "heatpose/warp_crops.h"

namespace heatpose {
namespace {

[[noreturn]] void refuse() {
  throw std::runtime_error(
      "heatpose was built without CUDA (build with HEATPOSE_CUDA=ON); move the arrays to the CPU");
}

}  // namespace

void associate_cuda(const PeakSetView&, const std::vector<ScaleMaps>&, const std::int32_t*, int,
                    const LimbsView&, const AssociateOptions&, const AssociationView&,
                    const CudaCall&) {
  refuse();
}

void average_flipped_cuda(const FlippedMaps&, const CudaCall&) { refuse(); }

void decode_hand_maps_cuda(const std::vector<ScaleMaps>&, const std::int32_t*, std::int64_t,
                           const SmoothOptions&, float, float*, float*, const CudaCall&) {
  refuse();
}

void decode_heatmaps_cuda(const void*, CellType, std::int64_t, std::int64_t, int, int, const float*,
                          const double*, const DecodeOptions&, float*, float*, const CudaCall&) {
  refuse();
}

void find_peaks_cuda(const void*, const void*, CellType, std::int64_t, int, int, const PeakOptions&,
                     const PeaksView&, const CudaCall&) {
  refuse();
}

void gaussian_smooth_cuda(const void*, CellType, std::int64_t, int, int, const SmoothTaps&, Border,
                          float*, const CudaCall&) {
  refuse();
}

void refine_peaks_cuda(const float*, int, int, const GridPeaks&, const std::int32_t*, int, float*,
                       const CudaCall&) {
  refuse();
}

void score_pairs_cuda(const float*, int, int, int, const GridPeaks&, const float*, const GridLimbs&,
                      int, float*, const CudaCall&) {
  refuse();
}

void assign_pairs_cuda(const float*, const GridPeaks&, const GridLimbs&, float, std::int32_t*,
                       const CudaCall&) {
  refuse();
}

void connect_peaks_cuda(const std::int32_t*, const GridPeaks&, const GridLimbs&, int, std::int32_t*,
                        std::int32_t*, const CudaCall&) {
  refuse();
}

void grid_people_cuda(const GridMaps&, const PeakOptions&, const GridOptions&, const GridLimbs&,
                      const PeaksView&, const GridPeopleView&, const CudaCall&) {
  refuse();
}

void peaks_from_cells_cuda(const std::vector<ScaleMaps>&, const std::int32_t*, std::int64_t,
                           const SmoothOptions&, const PeakOptions&, Refine, const PeaksView&,
                           float*, const CudaCall&) {
  refuse();
}

void prepare_image_cuda(const std::uint8_t*, int, int, int, int, const PrepareOptions&, int, int,
                        const PixelPlanes&, const CudaCall&) {
  refuse();
}

void resize_average_cuda(const std::vector<ScaleMaps>&, const std::int32_t*, std::int64_t, float*,
                         const CudaCall&) {
  refuse();
}

void warp_crops_cuda(const std::uint8_t*, int, int, const double*, std::int64_t, int, int,
                     const WarpOptions&, const PixelPlanes&, const CudaCall&) {
  refuse();
}

}  // namespace heatpose
