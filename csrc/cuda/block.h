#pragma once

// The primitives that kernels are written in: all that a kernel knows of the machine is here and in
// launch.h. tests/host_blocks has a second implementation of the same names, which runs the threads
// of a block as fibers on the host, so that the kernels are tested where there is no device.
//
// Blocks and grids have one dimension. A warp is 32 threads; block sizes are multiples of it, and
// every thread of a warp must reach the same warp primitive, every thread of a block the same block
// primitive (a thread may not return before them). Shared memory starts with arbitrary contents.

#include <cstdint>

#include "common/macros.h"

namespace heatpose {

// What is read and written at once.
struct alignas(16) Float4 {
  float x, y, z, w;
};
struct alignas(8) Half4 {
  std::uint16_t x, y, z, w;
};

}  // namespace heatpose

#ifdef HEATPOSE_HOST_BLOCKS
#include "host_blocks/block.h"
#else

#include <cuda_runtime.h>

/// A kernel: HEATPOSE_KERNEL(256) name(arguments) { ... }, launched with at most that many threads.
#define HEATPOSE_KERNEL(threads) __global__ void __launch_bounds__(threads)
/// The same, when at least `blocks` blocks must fit one multiprocessor.
#define HEATPOSE_KERNEL_RESIDENT(threads, blocks) __global__ void __launch_bounds__(threads, blocks)
#define HEATPOSE_DEVICE __device__ static inline
/// A variable that the block's threads share: HEATPOSE_SHARED float rows[16][33];
#define HEATPOSE_SHARED __shared__
#define HEATPOSE_UNROLL _Pragma("unroll")
/// For loops that run once or twice, or seldom: unrolled, they take registers from the hot ones.
#define HEATPOSE_ROLLED _Pragma("unroll 1")

namespace heatpose {

HEATPOSE_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
HEATPOSE_DEVICE int block_threads() { return static_cast<int>(blockDim.x); }
HEATPOSE_DEVICE std::int64_t block_index() { return static_cast<std::int64_t>(blockIdx.x); }
HEATPOSE_DEVICE std::int64_t grid_blocks() { return static_cast<std::int64_t>(gridDim.x); }

/// The shared memory that the launch asked for, aligned to 16 bytes; one array a kernel.
HEATPOSE_DEVICE void* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char heatpose_dynamic_shared[];
  return heatpose_dynamic_shared;
}

// Block: all threads of the block take part.
HEATPOSE_DEVICE void sync_block() { __syncthreads(); }
HEATPOSE_DEVICE bool sync_block_or(bool value) { return __syncthreads_or(value) != 0; }
HEATPOSE_DEVICE int sync_block_count(bool value) { return __syncthreads_count(value); }

// Warp: all 32 threads of the warp take part.
HEATPOSE_DEVICE void sync_warp() { __syncwarp(); }
HEATPOSE_DEVICE std::uint32_t warp_ballot(bool value) { return __ballot_sync(0xffffffffu, value); }
template <typename T>
HEATPOSE_DEVICE T shuffle(T value, int lane) {
  return __shfl_sync(0xffffffffu, value, lane);
}
template <typename T>
HEATPOSE_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}
template <typename T>
HEATPOSE_DEVICE T shuffle_up(T value, int lanes) {
  return __shfl_up_sync(0xffffffffu, value, lanes);
}

HEATPOSE_DEVICE int popcount(std::uint32_t bits) { return __popc(bits); }
/// The lowest bit that is set; -1 where none is.
HEATPOSE_DEVICE int find_first(std::uint32_t bits) { return __ffs(static_cast<int>(bits)) - 1; }

// Atomics, on global or shared memory; each returns the old value.
HEATPOSE_DEVICE int atomic_add(int* at, int value) { return atomicAdd(at, value); }
HEATPOSE_DEVICE int atomic_min(int* at, int value) { return atomicMin(at, value); }
HEATPOSE_DEVICE int atomic_max(int* at, int value) { return atomicMax(at, value); }
HEATPOSE_DEVICE std::uint64_t atomic_add(std::uint64_t* at, std::uint64_t value) {
  return atomicAdd(reinterpret_cast<unsigned long long*>(at), value);
}
HEATPOSE_DEVICE std::uint64_t atomic_max(std::uint64_t* at, std::uint64_t value) {
  return atomicMax(reinterpret_cast<unsigned long long*>(at), value);
}

/// Writes before it are seen by every thread of the device before writes after it.
HEATPOSE_DEVICE void memory_fence() { __threadfence(); }

/// a * b + c rounded once. Kernels are compiled so that nothing else is fused: what decides a
/// result rounds as on the host.
HEATPOSE_DEVICE float multiply_add(float a, float b, float c) { return __fmaf_rn(a, b, c); }
HEATPOSE_DEVICE double multiply_add(double a, double b, double c) { return __fma_rn(a, b, c); }

/// For what is written or read once, so that it does not push what is read again out of the cache.
HEATPOSE_DEVICE void store_streaming(Float4* at, Float4 v) {
  __stcs(reinterpret_cast<float4*>(at), make_float4(v.x, v.y, v.z, v.w));
}
HEATPOSE_DEVICE void store_streaming(float* at, float v) { __stcs(at, v); }
HEATPOSE_DEVICE Float4 load_streaming(const Float4* at) {
  const float4 v = __ldcs(reinterpret_cast<const float4*>(at));
  return {v.x, v.y, v.z, v.w};
}
HEATPOSE_DEVICE float load_streaming(const float* at) { return __ldcs(at); }

}  // namespace heatpose

#endif

namespace heatpose {

constexpr int kWarp = 32;
HEATPOSE_DEVICE int lane_index() { return thread_index() & (kWarp - 1); }
HEATPOSE_DEVICE int warp_index() { return thread_index() / kWarp; }

/// Combines the lanes' values; every lane gets the result. `join` must be commutative and
/// associative (for floating-point sums the order is fixed, the same every time).
template <typename T, typename Join>
HEATPOSE_DEVICE T warp_reduce(T value, Join join) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) value = join(value, shuffle_xor(value, mask));
  return value;
}

/// The same over the block; every thread gets the result. Costs two block barriers.
template <typename T, typename Join>
HEATPOSE_DEVICE T block_reduce(T value, Join join) {
  HEATPOSE_SHARED T partial[kWarp];
  value = warp_reduce(value, join);
  sync_block();  // what an earlier call left has been read
  if (lane_index() == 0) partial[warp_index()] = value;
  sync_block();
  value = partial[0];
  for (int w = 1; w < block_threads() / kWarp; ++w) value = join(value, partial[w]);
  return value;
}

/// How many lanes below this one hold true.
HEATPOSE_DEVICE int warp_rank(std::uint32_t ballot) {
  return popcount(ballot & ((1u << lane_index()) - 1u));
}

/// The sum of the values of all threads before this one; `*total` gets the sum of all.
HEATPOSE_DEVICE int block_exclusive_sum(int value, int* total) {
  HEATPOSE_SHARED int warps[kWarp];
  int sum = value;
  for (int step = 1; step < kWarp; step *= 2) {
    const int before = shuffle_up(sum, step);
    if (lane_index() >= step) sum += before;
  }
  sync_block();  // what an earlier call left has been read
  if (lane_index() == kWarp - 1) warps[warp_index()] = sum;
  sync_block();
  int offset = 0, all = 0;
  for (int w = 0; w < block_threads() / kWarp; ++w) {
    if (w < warp_index()) offset += warps[w];
    all += warps[w];
  }
  *total = all;
  return offset + sum - value;
}

}  // namespace heatpose
