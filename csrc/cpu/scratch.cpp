#include "cpu/scratch.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace heatpose {
namespace {

constexpr std::size_t kAlign = 64;
constexpr std::size_t kFirstBlock = std::size_t{1} << 18;
// What a thread keeps between calls; a larger working set is given back when its frame ends.
constexpr std::size_t kKeep = std::size_t{4} << 20;

struct Free {
  void operator()(void* pointer) const { std::free(pointer); }
};

struct Block {
  std::unique_ptr<void, Free> memory;
  std::size_t size = 0;
};

struct Arena {
  std::vector<Block> blocks;
  std::size_t block = 0;   // the one in use
  std::size_t offset = 0;  // bytes taken from it
  std::size_t depth = 0;
};

thread_local Arena arena;

}  // namespace

ScratchFrame::ScratchFrame() : block_mark_(arena.block), offset_mark_(arena.offset) {
  ++arena.depth;
}

ScratchFrame::~ScratchFrame() {
  arena.block = block_mark_;
  arena.offset = offset_mark_;
  if (--arena.depth == 0) {
    std::size_t kept = 0;
    std::size_t count = 0;
    while (count < arena.blocks.size() && kept + arena.blocks[count].size <= kKeep) {
      kept += arena.blocks[count++].size;
    }
    arena.blocks.resize(count);
  }
}

void* ScratchFrame::take_bytes(std::size_t bytes) {
  bytes = (bytes + 2 * kAlign - 1) / kAlign * kAlign;  // rounded up, and a readable tail
  while (arena.block < arena.blocks.size() &&
         arena.offset + bytes > arena.blocks[arena.block].size) {
    ++arena.block;
    arena.offset = 0;
  }
  if (arena.block == arena.blocks.size()) {
    Block fresh;
    fresh.size = std::max(bytes, kFirstBlock << std::min<std::size_t>(arena.blocks.size(), 6));
    fresh.memory.reset(std::aligned_alloc(kAlign, fresh.size));
    if (!fresh.memory) throw std::bad_alloc();
    arena.blocks.push_back(std::move(fresh));
    arena.offset = 0;
  }
  void* pointer = static_cast<char*>(arena.blocks[arena.block].memory.get()) + arena.offset;
  arena.offset += bytes;
  return pointer;
}

}  // namespace heatpose
