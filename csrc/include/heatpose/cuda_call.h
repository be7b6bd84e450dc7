#pragma once

#include <cstddef>
#include <functional>

namespace heatpose {

/// Where and how a CUDA op does its work. Ops queue on the stream and return: they neither wait for
/// it nor allocate but through `allocate`.
struct CudaCall {
  int device = 0;
  void* stream = nullptr;  ///< a cudaStream_t; null is the default stream
  /// Gives device memory, aligned to 256 bytes, that lives at least until the work queued on the
  /// stream so far and by this op is done (as stream-ordered caching allocators give it).
  std::function<void*(std::size_t bytes)> allocate;
};

}  // namespace heatpose
