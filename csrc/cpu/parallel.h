#pragma once

#include <cstdint>
#include <type_traits>

namespace heatpose {

namespace detail {
using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_ranges(std::int64_t count, std::int64_t grain, RangeFunction function, void* context);
}  // namespace detail

/// Calls `body(begin, end)` over disjoint ranges of at most `grain` items that cover [0, count), on
/// num_threads() threads. Which thread takes which range is not fixed: a body writes only what its
/// items own, so that the answer never depends on it. The first exception is rethrown here.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_ranges(
      count, grain,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<Plain*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace heatpose
