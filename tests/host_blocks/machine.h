#pragma once

// Runs the threads of blocks on one thread of the host.
//
// A thread that reaches no primitive is a plain call. One that must wait keeps the stack that it
// runs on, and the next one gets another. Blocks run one after another; in a block, a warp's lanes
// run one after another up to their next primitive (a phase). All lanes must then be at the same
// one, which is what makes this simple: every lane runs once in every phase.

#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "host_blocks/context.h"
#include "host_blocks/order.h"

namespace heatpose::host_blocks {

enum class Wait : std::uint8_t {
  kEnd,  // the thread has returned
  kSyncWarp,
  kWarpBallot,
  kShuffle,
  kShuffleXor,
  kShuffleUp,
  kSyncBlock,  // from here on the whole block waits
  kSyncBlockOr,
  kSyncBlockCount,
};

inline const char* name_of(Wait wait) {
  static const char* const names[] = {"its end",    "sync_warp",     "warp_ballot",
                                      "shuffle",    "shuffle_xor",   "shuffle_up",
                                      "sync_block", "sync_block_or", "sync_block_count"};
  return names[static_cast<int>(wait)];
}

class Machine {
 public:
  static constexpr int kLanes = 32, kMostThreads = 1024;

  // What a thread sees of its place.
  int thread = 0, threads = 0;
  std::int64_t block = 0, blocks = 0;
  unsigned char* shared = nullptr;

  // What the threads of a warp or block give one another: two of each, for some threads go on to
  // the next primitive before others have read the result of the last.
  struct WarpValues {
    int parity = 0;
    std::uint32_t ballot[2] = {0, 0};
    alignas(8) unsigned char slots[2][kLanes][8];
  };
  WarpValues warps[kMostThreads / kLanes];
  int block_parity = 0, block_count[2] = {0, 0};

  /// Returns when every thread of the warp or block waits for the same.
  void wait(Wait what) {
    const int self = thread;
    waits_[self] = what;
    const int next = next_thread();
    if (next == self) return;
    suspended_[self] = current_;
    leave(*current_, next, true);
  }

  /// Runs a kernel, `call(data)` being one of its threads.
  void run(const char* name, std::int64_t of_blocks, int of_threads, std::size_t shared_bytes,
           void (*call)(const void*), const void* data) {
    const std::lock_guard<std::mutex> lock(mutex_);
    order_ = Order::from_environment();
    order_.begin_launch(of_blocks);
    if (shared_memory_.size() != shared_bytes) {
      // Of just that size, so that AddressSanitizer sees what lies beyond.
      shared_memory_ = std::vector<unsigned char>();
      shared_memory_ = std::vector<unsigned char>(shared_bytes);
    }
    shared = shared_memory_.data();
    blocks = of_blocks;
    threads = of_threads;
    call_ = call;
    data_ = data;
    blocks_done_ = 0;
    misuse_.clear();
    self_ = this;
    entering_ = true;
    leave(main_, begin_block(), true);
    if (!misuse_.empty()) {
      recover();
      throw std::logic_error(std::string("kernel ") + name + ", " + misuse_);
    }
  }

 private:
  static constexpr int kNobody = -1;

  struct Fiber {
    Context context;
    Stack stack;
    std::size_t index = 0;
    const void* bottom = nullptr;  // of the stack, as AddressSanitizer must know it
    std::size_t bytes = 0;
    void* fake_stack = nullptr;
  };

  // ---- Which thread runs next.

  int begin_block() {
    block = order_.block(blocks_done_, blocks);
    if (!shared_memory_.empty()) std::memset(shared, 0xCB, shared_memory_.size());
    return begin_round();
  }

  /// All warps run up to their next block primitive.
  int begin_round() {
    warps_left_ = threads / kLanes;
    order_.fill(warp_list_, warps_left_);
    round_first_ = kNobody;
    return begin_phase();
  }

  int begin_phase() {
    order_.choose_last(warp_list_, warps_left_);
    warp_ = warp_list_[warps_left_ - 1];
    order_.begin_phase();
    position_ = 0;
    return warp_ * kLanes + order_.lane(0);
  }

  int next_thread() {
    if (++position_ < kLanes) return warp_ * kLanes + order_.lane(position_);
    return end_phase();
  }

  int end_phase() {
    const int first = warp_ * kLanes;
    const Wait what = waits_[first];
    for (int lane = 1; lane < kLanes; ++lane) {
      if (waits_[first + lane] != what) return report(first, first + lane);
    }
    if (what != Wait::kEnd && what < Wait::kSyncBlock) {
      WarpValues& values = warps[warp_];
      values.parity ^= 1;
      values.ballot[values.parity] = 0;
      return begin_phase();
    }
    if (round_first_ == kNobody) round_first_ = first;
    if (waits_[round_first_] != what) return report(round_first_, first);
    if (--warps_left_ > 0) return begin_phase();
    if (what == Wait::kEnd) return ++blocks_done_ < blocks ? begin_block() : kNobody;
    block_parity ^= 1;
    block_count[block_parity] = 0;
    return begin_round();
  }

  __attribute__((noinline)) int report(int a, int b) {
    if (waits_[a] == Wait::kEnd) std::swap(a, b);
    misuse_ = "block " + std::to_string(block) + ": thread " + std::to_string(a) + " waits at " +
              name_of(waits_[a]) + ", but thread " + std::to_string(b) +
              (waits_[b] == Wait::kEnd ? std::string(" has returned")
                                       : std::string(" waits at ") + name_of(waits_[b]));
    return kNobody;
  }

  // ---- Stacks.

  Fiber* take_idle() {
    if (idle_.empty()) {
      Fiber& fiber = fibers_.emplace_back();
      fiber.stack.allocate();
      fiber.index = fibers_.size();
      fiber.bottom = fiber.stack.bottom;
      fiber.bytes = Stack::kBytes;
      idle_.push_back(&fiber);
    }
    Fiber* fiber = idle_.back();
    idle_.pop_back();
    fiber->context.start(fiber->stack, fiber->index * 448 % 3584, &Machine::enter);
    return fiber;
  }

  /// Switches from a stack to the one of the next thread, or to run(). `stays`: it will be resumed.
  void leave(Fiber& from, int next, bool stays) {
    Fiber* to = &main_;
    if (next != kNobody) {
      thread = next;
      to = suspended_[next] != nullptr ? suspended_[next] : take_idle();
      suspended_[next] = nullptr;
    }
    current_ = to;
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    __sanitizer_start_switch_fiber(stays ? &from.fake_stack : nullptr, to->bottom, to->bytes);
#else
    static_cast<void>(stays);
#endif
    Context::swap(from.context, to->context);
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
  }

  // The frames of these two are left for good and then written over: they must not be marked in
  // AddressSanitizer's eyes.
  HEATPOSE_HOST_BLOCKS_OPAQUE static void enter() { self_->run_threads(); }

  HEATPOSE_HOST_BLOCKS_OPAQUE void run_threads() noexcept {
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    // The first to be entered learns where the stack of run() lies.
    __sanitizer_finish_switch_fiber(nullptr, entering_ ? &main_.bottom : nullptr,
                                    entering_ ? &main_.bytes : nullptr);
#endif
    entering_ = false;
    Fiber& self = *current_;
    for (;;) {
      call_(data_);
      waits_[thread] = Wait::kEnd;
      const int next = next_thread();
      if (next == kNobody || suspended_[next] != nullptr) {
        idle_.push_back(&self);
        leave(self, next, false);
      }
      thread = next;
    }
  }

  /// Gives back the stacks that threads stood on when the launch was given up.
  void recover() {
    idle_.clear();
    for (Fiber& fiber : fibers_) idle_.push_back(&fiber);
    for (Fiber*& fiber : suspended_) fiber = nullptr;
    for (WarpValues& values : warps) values.ballot[0] = values.ballot[1] = 0;
    block_count[0] = block_count[1] = 0;
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    for (const Fiber& fiber : fibers_) {
      __asan_unpoison_memory_region(fiber.stack.bottom, Stack::kBytes);
    }
#endif
  }

  static inline Machine* self_ = nullptr;
  std::mutex mutex_;
  Order order_;
  std::vector<unsigned char> shared_memory_;
  void (*call_)(const void*) = nullptr;
  const void* data_ = nullptr;
  std::string misuse_;
  std::int64_t blocks_done_ = 0;

  int warp_list_[kMostThreads / kLanes];
  int warps_left_ = 0, warp_ = 0, position_ = 0;
  int round_first_ = kNobody;  // the first thread to wait for the block
  bool entering_ = false;

  Wait waits_[kMostThreads];
  Fiber* suspended_[kMostThreads] = {};
  Fiber main_;
  Fiber* current_ = nullptr;
  std::deque<Fiber> fibers_;  // which stay where they are
  std::vector<Fiber*> idle_;
};

inline Machine machine;

}  // namespace heatpose::host_blocks
