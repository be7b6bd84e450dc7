#pragma once

#include <cstdint>

namespace heatpose {

/// Rows that are smoothed together, so that what they read comes from the nearest cache.
constexpr int kSmoothRows = 4;

}  // namespace heatpose

// smooth_columns: out[i * stride + x] = sum over k = -radius .. radius of
//   taps[|k|] * rows[i + radius + k][x], for i < kSmoothRows. `rows` are 2 * radius + kSmoothRows
//   pointers, and kSmoothRows more to the rows that the next call will read for the first time.
// smooth_row: out[x] = sum over k of taps[|k|] * row[x + k], for x < width; row is readable from
//   -radius to width + radius and a vector (64 bytes) past that. With `streamed`, stores go past
//   the caches.
#define HEATPOSE_KERNELS_GAUSSIAN_SMOOTH(X)                                          \
  X(smooth_columns, void,                                                            \
    (const float* const* rows, const float* taps, int radius, int width, float* out, \
     std::int64_t stride))                                                           \
  X(smooth_row, void,                                                                \
    (const float* row, const float* taps, int radius, int width, float* out, bool streamed))
