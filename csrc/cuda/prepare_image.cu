#include "heatpose/prepare_image.h"

#include "cuda/block.h"
#include "cuda/launch.h"

namespace heatpose {

void prepare_image_cuda(const std::uint8_t*, int, int, int, int, const PrepareOptions&, int, int,
                        const PixelPlanes&, const CudaCall&) {
  fail_launch("prepare_image", "not written yet");
}

}  // namespace heatpose
