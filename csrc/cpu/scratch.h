#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace heatpose {

/// Working memory of one call on one thread: a stack of 64-byte aligned blocks that stays with the
/// thread, so that a decoder called for every frame does not go to the allocator (and take page
/// faults) every time. Blocks are returned when the frame ends, in reverse order.
///
/// Out of line on purpose: code compiled for a wider vector unit must not instantiate inline
/// functions that the linker could hand to code of a narrower one.
class ScratchFrame {
 public:
  ScratchFrame();
  ~ScratchFrame();
  ScratchFrame(const ScratchFrame&) = delete;
  ScratchFrame& operator=(const ScratchFrame&) = delete;

  /// `count` uninitialised values, aligned to 64 bytes, with 64 readable bytes behind them.
  template <typename T>
  T* take(std::int64_t count) {
    static_assert(std::is_trivially_copyable<T>::value, "scratch holds plain values");
    return static_cast<T*>(take_bytes(static_cast<std::size_t>(count) * sizeof(T)));
  }

 private:
  void* take_bytes(std::size_t bytes);
  std::size_t block_mark_, offset_mark_;
};

}  // namespace heatpose
