#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace heatpose {

/// Whether an output of this size should be written past the caches: larger than the last level, it
/// would only push everything else out, and every line would be read before it is written.
bool worth_streaming(std::int64_t bytes);

/// Orders streamed stores before what follows; a task calls it once, after its last one.
inline void stream_fence() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace heatpose
