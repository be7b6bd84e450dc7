#include "heatpose/runtime.h"

namespace heatpose {

CudaStatus cuda_status() {
  CudaStatus status;
  status.reason = "heatpose was built without CUDA (build with HEATPOSE_CUDA=ON)";
  return status;
}

}  // namespace heatpose
