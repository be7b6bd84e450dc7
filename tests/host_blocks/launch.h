#pragma once

// The launch side of csrc/cuda/launch.h for the host: kernels run before launch() returns.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <vector>

#include "heatpose/cuda_call.h"
#include "host_blocks/machine.h"

namespace heatpose {

class DeviceGuard {
 public:
  explicit DeviceGuard(const CudaCall&) {}
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;
};

template <typename... Parameters, typename... Arguments>
void launch(const CudaCall&, const char* name, void (*kernel)(Parameters...), std::int64_t blocks,
            int threads, std::size_t shared, Arguments... arguments) {
  check_launch(name, blocks, threads, shared);
  if (blocks == 0) return;
  // One copy of the arguments a launch, and one more a thread, as a kernel's parameters are its
  // own.
  using Call = std::pair<void (*)(Parameters...), std::tuple<Parameters...>>;
  const Call call(kernel, std::tuple<Parameters...>(static_cast<Parameters>(arguments)...));
  host_blocks::machine.run(
      name, blocks, threads, shared,
      [](const void* data) {
        const Call& made = *static_cast<const Call*>(data);
        std::apply(made.first, made.second);
      },
      &call);
}

inline void fill_bytes(const CudaCall&, void* at, unsigned char value, std::size_t bytes) {
  if (bytes != 0) std::memset(at, value, bytes);
}

}  // namespace heatpose
