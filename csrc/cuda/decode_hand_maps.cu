#include "heatpose/decode_hand_maps.h"

#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {

void decode_hand_maps_cuda(const std::vector<ScaleMaps>&, const std::int32_t*, std::int64_t,
                           const SmoothOptions&, float, float*, float*, const CudaCall&) {
  fail_launch("decode_hand_maps", "not written yet");
}

}  // namespace heatpose
