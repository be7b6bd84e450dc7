#include "heatpose/peaks_from_cells.h"

#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {

void peaks_from_cells_cuda(const std::vector<ScaleMaps>&, const std::int32_t*, std::int64_t,
                           const SmoothOptions&, const PeakOptions&, Refine, const PeaksView&,
                           float*, const CudaCall&) {
  fail_launch("peaks_from_cells", "not written yet");
}

}  // namespace heatpose
