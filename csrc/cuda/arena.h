#pragma once

// Memory of one block whose sizes only the device knows.

#include <cstdint>

#include "cuda/block.h"

namespace heatpose {

/// Gives arrays out of shared memory where they fit, and else out of the workspace. All threads of
/// a block take the same, and get the same. `near_bytes` is a multiple of kAlign.
class Arena {
 public:
  static constexpr std::int64_t kAlign = 16;

  HEATPOSE_METHOD Arena(void* near, std::int64_t near_bytes, void* far)
      : near_(static_cast<char*>(near)), left_(near_bytes), far_(static_cast<char*>(far)) {}

  template <typename T>
  HEATPOSE_METHOD T* take(std::int64_t count) {
    const std::int64_t bytes = room<T>(count);
    char*& at = bytes <= left_ ? near_ : far_;
    if (bytes <= left_) left_ -= bytes;
    T* const array = reinterpret_cast<T*>(at);
    at += bytes;
    return array;
  }

  /// How many T still fit into shared memory.
  template <typename T>
  HEATPOSE_METHOD int near() const {
    return static_cast<int>(left_) / static_cast<int>(sizeof(T));
  }

  /// What an array takes of either.
  template <typename T>
  HEATPOSE_METHOD static std::int64_t room(std::int64_t count) {
    return (count * static_cast<std::int64_t>(sizeof(T)) + kAlign - 1) / kAlign * kAlign;
  }

 private:
  char* near_;
  std::int64_t left_;
  char* far_;
};

}  // namespace heatpose
