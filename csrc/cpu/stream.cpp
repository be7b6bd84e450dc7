#include "cpu/stream.h"

#include <unistd.h>

namespace heatpose {
namespace {

std::int64_t last_level_cache() {
#if defined(_SC_LEVEL3_CACHE_SIZE)
  const long bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes > 0) return bytes;
#endif
  return std::int64_t{32} << 20;
}

}  // namespace

bool worth_streaming(std::int64_t bytes) {
  static const std::int64_t cache = last_level_cache();
  return bytes > cache;
}

}  // namespace heatpose
