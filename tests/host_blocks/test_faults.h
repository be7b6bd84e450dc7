#pragma once

// Kernels with mistakes, and that the host blocks find them.

#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "test_tools.h"

namespace heatpose {

// ---- Waiting for threads that never come.

HEATPOSE_KERNEL(128) misuse(int kind) {
  const int t = thread_index(), lane = lane_index(), warp = warp_index();
  sync_block();
  if (block_index() != 2) return;
  switch (kind) {
    case 0:
      if (warp == 1) return;  // a whole warp
      break;
    case 1:
      if (t == 37) return;  // a part of one
      break;
    case 2:
      if (lane == 5) shuffle(1, 0);
      break;
    case 3:
      lane == 31 ? static_cast<void>(warp_ballot(true)) : static_cast<void>(shuffle(1, 0));
      break;
    case 4:
      if (warp == 3) sync_block_count(true);
      break;
    case 5:
      if (lane < 16) sync_warp();
      return;
    default:
      break;
  }
  sync_block();
}

inline std::string misuse_of(int kind) {
  try {
    launch(call(), "misuse", misuse, 3, 128, 0, kind);
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "nothing";
}

inline void expect_text(const std::string& got, const std::string& expected) {
  EXPECT(got == expected);
  if (got != expected) {
    std::fprintf(stderr, "  got      %s\n  expected %s\n", got.c_str(), expected.c_str());
  }
}

inline void test_misuse() {
  const bool forward = std::getenv("HEATPOSE_HOST_BLOCKS_ORDER") == std::string("forward");
  const std::string start = "kernel misuse, block 2: thread ";
  const char* const expected[] = {
      "0 waits at sync_block, but thread 32 has returned",
      "32 waits at sync_block, but thread 37 has returned",
      "0 waits at sync_block, but thread 5 waits at shuffle",
      "0 waits at shuffle, but thread 31 waits at warp_ballot",
      "0 waits at sync_block, but thread 96 waits at sync_block_count",
      "0 waits at sync_warp, but thread 16 has returned",
  };
  for (int kind = 0; kind < 6; ++kind) {
    const std::string got = misuse_of(kind);
    if (forward) {
      expect_text(got, start + expected[kind]);
    } else {  // other threads may be the first to be found
      EXPECT(got.find("kernel misuse, block 2: thread ") == 0);
    }
  }
  expect_text(misuse_of(6), "nothing");
}

// ---- Answers that hang on the order.

HEATPOSE_KERNEL(64) swap_neighbours(int* out, bool wait) {
  HEATPOSE_SHARED int values[64];
  values[thread_index()] = -1;
  sync_block();
  values[thread_index()] = thread_index();
  if (wait) sync_block();
  out[thread_index()] = values[thread_index() ^ 1];
}

HEATPOSE_KERNEL(32) note_blocks(int* order, int* count) {
  if (thread_index() == 0) order[atomic_add(count, 1)] = static_cast<int>(block_index());
}

inline std::vector<int> swapped(const char* order, bool wait) {
  setenv("HEATPOSE_HOST_BLOCKS_ORDER", order, 1);
  std::vector<int> out(64);
  launch(call(), "swap_neighbours", swap_neighbours, 1, 64, 0, out.data(), wait);
  return out;
}

inline std::vector<int> blocks_in(const char* order, int blocks) {
  setenv("HEATPOSE_HOST_BLOCKS_ORDER", order, 1);
  std::vector<int> out(blocks);
  int count = 0;
  launch(call(), "note_blocks", note_blocks, blocks, 32, 0, out.data(), &count);
  EXPECT(count == blocks);
  return out;
}

inline void test_orders() {
  EXPECT(swapped("forward", true) == swapped("reverse", true));
  EXPECT(swapped("forward", true) == swapped("shuffled", true));
  EXPECT(swapped("forward", false) != swapped("reverse", false));
  EXPECT(swapped("shuffled", false) == swapped("shuffled", false));
  EXPECT(swapped("shuffled", false) != swapped("shuffled", true));
  for (const int blocks : {1, 2, 6, 997, 1000}) {
    const std::vector<int> forward = blocks_in("forward", blocks);
    const std::vector<int> reverse = blocks_in("reverse", blocks);
    const std::vector<int> shuffled = blocks_in("shuffled", blocks);
    EXPECT(std::vector<int>(reverse.rbegin(), reverse.rend()) == forward);
    EXPECT(forward.front() == 0 && forward.back() == blocks - 1);
    EXPECT(std::set<int>(shuffled.begin(), shuffled.end()).size() == forward.size());
    EXPECT(blocks < 900 || (shuffled != forward && shuffled != reverse));
  }
  setenv("HEATPOSE_HOST_BLOCKS_ORDER", "sideways", 1);
  try {
    launch(call(), "note_blocks", note_blocks, 1, 32, 0, nullptr, nullptr);
    EXPECT(!"an order that does not exist");
  } catch (const std::invalid_argument& error) {
    EXPECT(std::strstr(error.what(), "sideways") != nullptr);
  }
  unsetenv("HEATPOSE_HOST_BLOCKS_ORDER");
}

// ---- Launches that no device runs.

inline void expect_no_launch(std::int64_t blocks, int threads, std::size_t shared) {
  try {
    launch(call(), "misuse", misuse, blocks, threads, shared, 6);
    EXPECT(!"a wrong launch was run");
  } catch (const std::logic_error& error) {
    EXPECT(std::strstr(error.what(), "launch of misuse") != nullptr);
  }
}

inline void test_launches() {
  for (const int threads : {-32, 0, 1, 48, 1056}) expect_no_launch(1, threads, 0);
  expect_no_launch(-1, 32, 0);
  expect_no_launch(1, 32, kMostShared + 1);
  launch(call(), "misuse", misuse, 1, 32, kMostShared, 6);
}

// ---- Memory that nobody has written.

HEATPOSE_KERNEL(32) keep_shared(unsigned char* out) {
  auto* const shared = static_cast<unsigned char*>(dynamic_shared());
  out[block_index() * 32 + thread_index()] = shared[thread_index()];
  shared[thread_index()] = 1;
}

inline CudaCall heap_call(std::vector<std::unique_ptr<unsigned char[]>>* memory) {
  CudaCall made = call();
  made.allocate = [memory](std::size_t bytes) {
    return memory->emplace_back(new unsigned char[bytes]()).get();
  };
  return made;
}

inline void test_junk() {
  std::vector<unsigned char> out(5 * 32);
  launch(call(), "keep_shared", keep_shared, 5, 32, 32, out.data());
  for (const unsigned char byte : out) EXPECT(byte == 0xCB);

  std::vector<std::unique_ptr<unsigned char[]>> memory;
  Workspace workspace;
  const Slot<int> first = workspace.add<int>(5), second = workspace.add<int>(64);
  void* const base = workspace.allocate(heap_call(&memory));
  for (int i = 0; i < 5; ++i) EXPECT(first.in(base)[i] == static_cast<int>(0xCBCBCBCB));
  for (int i = 0; i < 64; ++i) EXPECT(second.in(base)[i] == static_cast<int>(0xCBCBCBCB));
  EXPECT(first.offset % 256 == 0 && second.offset % 256 == 0);
}

// ---- Memory that is not the kernel's: AddressSanitizer must end the program.

template <typename T>
HEATPOSE_DEVICE T* shared_array() {
  HEATPOSE_SHARED T values[40];
  return values;
}

HEATPOSE_KERNEL(64) leave_memory(int kind, int* memory, int past) {
  HEATPOSE_SHARED int values[3][7];
  int own[24];
  own[past % 24] = past;
  sync_block();
  if (thread_index() == 33) {
    int* const places[] = {memory, &values[0][0], static_cast<int*>(dynamic_shared()), own,
                           shared_array<int>()};
    places[kind][past] = 1;
  }
  sync_block();
  memory[0] = own[thread_index() % 24];
}

/// Leaves the memory that is named; returns 0 if nobody minds.
inline int commit_fault(const std::string& name) {
  const std::vector<std::pair<std::string, int>> sizes = {
      {"global", 10}, {"shared", 21}, {"dynamic", 9}, {"own", 24}, {"template", 40}};
  if (name == "workspace") {
    std::vector<std::unique_ptr<unsigned char[]>> memory;
    Workspace workspace;
    const Slot<int> slot = workspace.add<int>(10);
    workspace.add<int>(100);
    launch(call(), "leave_memory", leave_memory, 2, 64, 4, 0,
           slot.in(workspace.allocate(heap_call(&memory))), 10);
    return 0;
  }
  for (int kind = 0; kind < static_cast<int>(sizes.size()); ++kind) {
    if (name != sizes[kind].first) continue;
    std::vector<int> memory(10);
    launch(call(), "leave_memory", leave_memory, 2, 64, 9 * sizeof(int), kind, memory.data(),
           sizes[kind].second);
    return 0;
  }
  std::fprintf(stderr, "no fault named %s\n", name.c_str());
  return 2;
}

}  // namespace heatpose
