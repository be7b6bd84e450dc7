#pragma once

// What a Workspace does more on the host: its memory starts with junk, and the gaps behind its
// arrays are poisoned, so that AddressSanitizer sees who leaves an array.

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "host_blocks/context.h"

namespace heatpose {

class WorkspaceGuards {
 public:
  static constexpr std::size_t kGap = 256;

  WorkspaceGuards() = default;
  WorkspaceGuards(const WorkspaceGuards& other) : gaps_(other.gaps_) {}
  WorkspaceGuards& operator=(const WorkspaceGuards&) = delete;
  ~WorkspaceGuards() { release(); }

  void add(std::size_t begin, std::size_t end) { gaps_.emplace_back(begin, end); }

  void place(void* base, std::size_t bytes) const {
    release();
    base_ = static_cast<unsigned char*>(base);
    bytes_ = bytes;
    if (base_ == nullptr) return;
    std::memset(base_, 0xCB, bytes_);
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    for (const auto& [begin, end] : gaps_) __asan_poison_memory_region(base_ + begin, end - begin);
#endif
  }

 private:
  // Whoever gets the memory next may not have asked AddressSanitizer's allocator for it.
  void release() const {
#ifdef HEATPOSE_HOST_BLOCKS_ASAN
    if (base_ != nullptr) __asan_unpoison_memory_region(base_, bytes_);
#endif
    base_ = nullptr;
  }

  std::vector<std::pair<std::size_t, std::size_t>> gaps_;
  mutable unsigned char* base_ = nullptr;
  mutable std::size_t bytes_ = 0;
};

}  // namespace heatpose
