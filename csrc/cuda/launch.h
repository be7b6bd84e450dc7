#pragma once

// What launchers need of the machine, as block.h is what kernels need of it.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "cuda/block.h"
#include "heatpose/cuda_call.h"

namespace heatpose {

constexpr std::int64_t kMostBlocks = 0x7fffffff;
constexpr int kMostThreads = 1024;
/// Shared memory that every device gives a block without being asked.
constexpr std::size_t kMostShared = 48 * 1024;

[[noreturn]] inline void fail_launch(const char* what, const char* why) {
  throw std::runtime_error(std::string("CUDA could not run ") + what + ": " + why);
}

/// What a launch asks for is decided by the code, never by the input: a wrong one is our mistake.
inline void check_launch(const char* name, std::int64_t blocks, int threads, std::size_t shared) {
  std::string wrong;
  if (blocks < 0) wrong = std::to_string(blocks) + " blocks";
  if (threads < kWarp || threads > kMostThreads || threads % kWarp != 0) {
    wrong =
        "blocks of " + std::to_string(threads) + " threads, must be a multiple of 32 up to 1024";
  }
  if (shared > kMostShared) {
    wrong = std::to_string(shared) + " bytes of shared memory, at most " +
            std::to_string(kMostShared) + " are to be had";
  }
  if (!wrong.empty()) throw std::logic_error(std::string("launch of ") + name + ": " + wrong);
  if (blocks > kMostBlocks) fail_launch(name, "too many blocks");
}

}  // namespace heatpose

#ifdef HEATPOSE_HOST_BLOCKS
#include "host_blocks/launch.h"
#include "host_blocks/workspace_guards.h"
#endif

#ifndef HEATPOSE_HOST_BLOCKS  // clang-format would split >>> after an #else

namespace heatpose {

/// The call's device is current while this lives.
class DeviceGuard {
 public:
  explicit DeviceGuard(const CudaCall& call) {
    check(cudaGetDevice(&before_));
    if (before_ != call.device) check(cudaSetDevice(call.device));
    device_ = call.device;
  }
  ~DeviceGuard() {
    if (before_ != device_) cudaSetDevice(before_);
  }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  static void check(cudaError_t error) {
    if (error != cudaSuccess) fail_launch("on this device", cudaGetErrorString(error));
  }
  int before_ = 0, device_ = 0;
};

/// Queues `blocks` blocks of `threads` threads (a multiple of 32), each with `shared` bytes of
/// dynamic shared memory (at most kMostShared). None is queued for no blocks.
template <typename... Parameters, typename... Arguments>
void launch(const CudaCall& call, const char* name, void (*kernel)(Parameters...),
            std::int64_t blocks, int threads, std::size_t shared, Arguments... arguments) {
  check_launch(name, blocks, threads, shared);
  if (blocks == 0) return;
  const auto grid = static_cast<unsigned>(blocks), block = static_cast<unsigned>(threads);
  const auto stream = static_cast<cudaStream_t>(call.stream);
  kernel<<<grid, block, shared, stream>>>(static_cast<Parameters>(arguments)...);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) fail_launch(name, cudaGetErrorString(error));
}

/// Queues a fill of `bytes` bytes.
inline void fill_bytes(const CudaCall& call, void* at, unsigned char value, std::size_t bytes) {
  if (bytes == 0) return;
  const cudaError_t error =
      cudaMemsetAsync(at, value, bytes, static_cast<cudaStream_t>(call.stream));
  if (error != cudaSuccess) fail_launch("a fill", cudaGetErrorString(error));
}

/// Watches over the arrays of a Workspace in tests/host_blocks; a device has no such guards.
struct WorkspaceGuards {
  static constexpr std::size_t kGap = 0;
  void add(std::size_t, std::size_t) {}
  void place(void*, std::size_t) const {}
};

}  // namespace heatpose

#endif

namespace heatpose {

/// A part of a Workspace: an array of T.
template <typename T>
struct Slot {
  std::size_t offset = 0;
  T* in(void* base) const { return reinterpret_cast<T*>(static_cast<char*>(base) + offset); }
};

/// Device memory for the length of one op: add() the arrays, then allocate() them at once. Each
/// starts at a multiple of 256 bytes; their contents are arbitrary.
class Workspace {
 public:
  template <typename T>
  Slot<T> add(std::int64_t count) {
    const Slot<T> slot{bytes_};
    const std::size_t end = bytes_ + static_cast<std::size_t>(count) * sizeof(T);
    bytes_ = (end + WorkspaceGuards::kGap + 255) / 256 * 256;
    guards_.add(end, bytes_);
    return slot;
  }
  std::size_t bytes() const { return bytes_; }
  void* allocate(const CudaCall& call) const {
    void* const base = bytes_ == 0 ? nullptr : call.allocate(bytes_);
    guards_.place(base, bytes_);
    return base;
  }

 private:
  std::size_t bytes_ = 0;
  WorkspaceGuards guards_;
};

inline std::int64_t ceil_div(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

}  // namespace heatpose
