#include "heatpose/decode_heatmaps.h"

#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {

void decode_heatmaps_cuda(const void*, CellType, std::int64_t, std::int64_t, int, int,
                          const double*, const DecodeOptions&, float*, float*, const CudaCall&) {
  fail_launch("decode_heatmaps", "not written yet");
}

}  // namespace heatpose
