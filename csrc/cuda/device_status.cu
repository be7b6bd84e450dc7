// What the CUDA backend can use here. Asked at run time: the module imports without a driver.

#include <cuda_runtime_api.h>

#include "heatpose/runtime.h"

namespace heatpose {

CudaStatus cuda_status() {
  CudaStatus status;
  status.compiled = true;
  cudaRuntimeGetVersion(&status.runtime_version);
  cudaDriverGetVersion(&status.driver_version);
  const cudaError_t error = cudaGetDeviceCount(&status.device_count);
  cudaGetLastError();  // or the next launch would report this call's failure
  if (status.driver_version == 0) {
    status.device_count = 0;
    status.reason = "no CUDA driver is installed";
  } else if (error != cudaSuccess) {
    status.device_count = 0;
    status.reason = cudaGetErrorString(error);
  } else if (status.device_count == 0) {
    status.reason = "the driver reports no CUDA device";
  }
  return status;
}

}  // namespace heatpose
