#pragma once

// The names of csrc/cuda/block.h for the host: see README.md.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "host_blocks/machine.h"

#define HEATPOSE_KERNEL(threads) static void
#define HEATPOSE_KERNEL_RESIDENT(threads, blocks) static void
#define HEATPOSE_DEVICE static inline
#define HEATPOSE_SHARED static
#define HEATPOSE_UNROLL
#define HEATPOSE_ROLLED

namespace heatpose {

HEATPOSE_DEVICE int thread_index() { return host_blocks::machine.thread; }
HEATPOSE_DEVICE int block_threads() { return host_blocks::machine.threads; }
HEATPOSE_DEVICE std::int64_t block_index() { return host_blocks::machine.block; }
HEATPOSE_DEVICE std::int64_t grid_blocks() { return host_blocks::machine.blocks; }
HEATPOSE_DEVICE void* dynamic_shared() { return host_blocks::machine.shared; }

namespace host_blocks {

static inline Machine::WarpValues& warp_values() { return machine.warps[machine.thread / 32]; }

/// Gives the warp `value`; the result is what lane `from` gave.
template <typename T>
static inline T exchange(Wait what, T value, int from) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8),
                "shuffles are of numbers of 4 or 8 bytes");
  Machine::WarpValues& values = warp_values();
  auto& slots = values.slots[values.parity];
  std::memcpy(slots[machine.thread & 31], &value, sizeof(T));
  machine.wait(what);
  std::memcpy(&value, slots[from], sizeof(T));
  return value;
}

static inline int count(Wait what, bool value) {
  int& counted = machine.block_count[machine.block_parity];
  counted += value;
  machine.wait(what);
  return counted;
}

}  // namespace host_blocks

HEATPOSE_DEVICE void sync_block() { host_blocks::machine.wait(host_blocks::Wait::kSyncBlock); }
HEATPOSE_DEVICE bool sync_block_or(bool value) {
  return host_blocks::count(host_blocks::Wait::kSyncBlockOr, value) != 0;
}
HEATPOSE_DEVICE int sync_block_count(bool value) {
  return host_blocks::count(host_blocks::Wait::kSyncBlockCount, value);
}

HEATPOSE_DEVICE void sync_warp() { host_blocks::machine.wait(host_blocks::Wait::kSyncWarp); }
HEATPOSE_DEVICE std::uint32_t warp_ballot(bool value) {
  auto& values = host_blocks::warp_values();
  std::uint32_t& ballot = values.ballot[values.parity];
  ballot |= static_cast<std::uint32_t>(value) << (thread_index() & 31);
  host_blocks::machine.wait(host_blocks::Wait::kWarpBallot);
  return ballot;
}

// A lane outside the warp: shuffle() wraps around, the others give the lane's own value.
template <typename T>
HEATPOSE_DEVICE T shuffle(T value, int lane) {
  return host_blocks::exchange(host_blocks::Wait::kShuffle, value, lane & 31);
}
template <typename T>
HEATPOSE_DEVICE T shuffle_xor(T value, int mask) {
  const int lane = thread_index() & 31;
  const int from = lane ^ mask;
  return host_blocks::exchange(host_blocks::Wait::kShuffleXor, value,
                               from >= 0 && from < 32 ? from : lane);
}
template <typename T>
HEATPOSE_DEVICE T shuffle_up(T value, int lanes) {
  const int lane = thread_index() & 31;
  return host_blocks::exchange(host_blocks::Wait::kShuffleUp, value,
                               lanes >= 0 && lanes <= lane ? lane - lanes : lane);
}

HEATPOSE_DEVICE int popcount(std::uint32_t bits) { return __builtin_popcount(bits); }
HEATPOSE_DEVICE int find_first(std::uint32_t bits) {
  return __builtin_ffs(static_cast<int>(bits)) - 1;
}

namespace host_blocks {

// Plain operations: no other thread runs meanwhile.
template <typename T, typename Join>
static inline T exchange_at(T* at, Join join) {
  const T old = *at;
  *at = join(old);
  return old;
}

}  // namespace host_blocks

HEATPOSE_DEVICE int atomic_add(int* at, int value) {
  return host_blocks::exchange_at(at, [=](int old) {
    return static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(value));
  });
}
HEATPOSE_DEVICE int atomic_min(int* at, int value) {
  return host_blocks::exchange_at(at, [=](int old) { return old < value ? old : value; });
}
HEATPOSE_DEVICE int atomic_max(int* at, int value) {
  return host_blocks::exchange_at(at, [=](int old) { return old > value ? old : value; });
}
HEATPOSE_DEVICE std::uint64_t atomic_add(std::uint64_t* at, std::uint64_t value) {
  return host_blocks::exchange_at(at, [=](std::uint64_t old) { return old + value; });
}
HEATPOSE_DEVICE std::uint64_t atomic_max(std::uint64_t* at, std::uint64_t value) {
  return host_blocks::exchange_at(at, [=](std::uint64_t old) { return old > value ? old : value; });
}

HEATPOSE_DEVICE void memory_fence() {}

// Rounded twice, unlike on a device: rounding once takes a library call where the processor's
// baseline has no such instruction. Compile with -ffp-contract=off, so that it is always twice.
HEATPOSE_DEVICE float multiply_add(float a, float b, float c) { return a * b + c; }
HEATPOSE_DEVICE double multiply_add(double a, double b, double c) { return a * b + c; }

template <typename T>
HEATPOSE_DEVICE void store_streaming(T* at, T value) {
  *at = value;
}
template <typename T>
HEATPOSE_DEVICE T load_streaming(const T* at) {
  return *at;
}

}  // namespace heatpose
