#pragma once

// The order in which blocks, warps and lanes run: HEATPOSE_HOST_BLOCKS_ORDER is forward (the
// default), reverse or shuffled. Shuffled is the same in every launch.

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

namespace heatpose::host_blocks {

class Order {
 public:
  static Order from_environment() {
    const char* const name = std::getenv("HEATPOSE_HOST_BLOCKS_ORDER");
    const std::string text = name == nullptr || *name == 0 ? "forward" : name;
    Order order;
    order.kind_ = text == "reverse" ? kReverse : text == "shuffled" ? kShuffled : kForward;
    if (order.kind_ == kForward && text != "forward") {
      throw std::invalid_argument(
          "HEATPOSE_HOST_BLOCKS_ORDER must be forward, reverse or shuffled, got " + text);
    }
    return order;
  }

  /// For a launch of `blocks` blocks.
  void begin_launch(std::int64_t blocks) {
    if (kind_ != kShuffled) return;
    block_first_ = static_cast<std::int64_t>(random()) % blocks;
    do {
      block_step_ = 1 + static_cast<std::int64_t>(random()) % blocks;
    } while (common_divisor(block_step_, blocks) != 1);
  }

  /// The block that runs after `done` others.
  std::int64_t block(std::int64_t done, std::int64_t blocks) const {
    if (kind_ == kForward) return done;
    if (kind_ == kReverse) return blocks - 1 - done;
    return (block_first_ + done * block_step_) % blocks;
  }

  /// A list of warps whose last one runs first.
  void fill(int* warps, int count) const {
    for (int i = 0; i < count; ++i) warps[i] = kind_ == kReverse ? i : count - 1 - i;
  }

  /// Shuffled, warps take turns: any of those left may run the next phase.
  void choose_last(int* warps, int count) {
    if (kind_ == kShuffled) std::swap(warps[count - 1], warps[random() % count]);
  }

  void begin_phase() {
    if (kind_ != kShuffled) return;
    lane_step_ = random() | 1u;
    lane_first_ = random();
  }

  /// The lane that runs after `done` others in this phase.
  int lane(int done) const {
    if (kind_ == kForward) return done;
    if (kind_ == kReverse) return 31 - done;
    return static_cast<int>((lane_first_ + static_cast<std::uint32_t>(done) * lane_step_) & 31u);
  }

 private:
  enum Kind { kForward, kReverse, kShuffled };

  static std::int64_t common_divisor(std::int64_t a, std::int64_t b) {
    while (b != 0) a = std::exchange(b, a % b);
    return a;
  }
  std::uint32_t random() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33);
  }

  Kind kind_ = kForward;
  std::uint64_t state_ = 20;
  std::int64_t block_first_ = 0, block_step_ = 1;
  std::uint32_t lane_step_ = 1, lane_first_ = 0;
};

}  // namespace heatpose::host_blocks
