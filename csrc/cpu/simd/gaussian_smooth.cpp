#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/stream.h"

// The taps are symmetric, so a pair of samples is added before it is weighed: half the products.
// Every pixel takes its sums in the same order, wherever in a row it lies, so that the answer does
// not depend on the vector's phase.

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

constexpr int kVectors = 4;  // per step: as many chains of sums hide the latency of one
constexpr int kStep = kVectors * kLanes;

/// Sums of neighbouring vectors.
struct Sums {
  VecF v[kVectors];
};

HEATPOSE_INLINE void column_sums(const float* const* middle, const float* taps, int radius, int x,
                                 Sums& sums) {
  for (int i = 0; i < kVectors; ++i) sums.v[i] = load(middle[0] + x + i * kLanes) * taps[0];
  for (int k = 1; k <= radius; ++k) {
    const float* before = middle[-k] + x;
    const float* after = middle[k] + x;
    for (int i = 0; i < kVectors; ++i) {
      sums.v[i] += (load(before + i * kLanes) + load(after + i * kLanes)) * taps[k];
    }
  }
}

HEATPOSE_INLINE void row_sums(const float* row, const float* taps, int radius, Sums& sums) {
  for (int i = 0; i < kVectors; ++i) sums.v[i] = load(row + i * kLanes) * taps[0];
  for (int k = 1; k <= radius; ++k) {
    for (int i = 0; i < kVectors; ++i) {
      sums.v[i] += (load(row + i * kLanes - k) + load(row + i * kLanes + k)) * taps[k];
    }
  }
}

/// The first `count` values at p, for rows that may end there.
HEATPOSE_INLINE VecF load_part(const float* p, int count) {
  VecF v = {};
  for (int i = 0; i < count; ++i) v[i] = p[i];
  return v;
}

HEATPOSE_INLINE void store_part(float* p, VecF v, int count) {
  std::memcpy(p, &v, static_cast<std::size_t>(count) * sizeof(float));
}

/// How many values further the next aligned vector begins.
HEATPOSE_INLINE int lanes_to_alignment(const float* p) {
  const auto past = static_cast<int>(reinterpret_cast<std::uintptr_t>(p) / 4 % kLanes);
  return (kLanes - past) % kLanes;
}

}  // namespace

void smooth_columns(const float* const* rows, const float* taps, int radius, int width, float* out,
                    std::int64_t stride) {
  const float* const* next = rows + kSmoothRows + 2 * radius;
  const bool narrow = width < kLanes;  // then rows are read in part
  const auto one_vector = [&](int x) {
    for (int row = 0; row < kSmoothRows; ++row) {
      const float* const* middle = rows + row + radius;
      const auto at = [&](int k) {
        return narrow ? load_part(middle[k], width) : load(middle[k] + x);
      };
      VecF sum = at(0) * taps[0];
      for (int k = 1; k <= radius; ++k) sum += (at(-k) + at(k)) * taps[k];
      store_part(out + row * stride + x, sum, narrow ? width : kLanes);
    }
  };
  // A load that crosses a line of the cache costs two: most begin at an aligned place, and the
  // first and last vectors overlap their neighbours.
  const int lead = lanes_to_alignment(rows[radius]);
  if (narrow || lead > 0) one_vector(0);
  int x = lead;
  for (; x + kStep <= width; x += kStep) {
    // The rows of a window are too many streams for the processor to foresee.
    for (int row = 0; row < kSmoothRows; ++row) {
      for (int i = 0; i < kStep; i += 16) __builtin_prefetch(next[row] + x + i, 0, 2);
    }
    for (int row = 0; row < kSmoothRows; ++row) {
      Sums sums;
      column_sums(rows + row + radius, taps, radius, x, sums);
      for (int i = 0; i < kVectors; ++i) store(out + row * stride + x + i * kLanes, sums.v[i]);
    }
  }
  for (; x < width && !narrow; x += kLanes) one_vector(x + kLanes > width ? width - kLanes : x);
}

void smooth_row(const float* row, const float* taps, int radius, int width, float* out,
                bool streamed) {
  const auto one = [&](int x, int count) {
    VecF sum = load(row + x) * taps[0];
    for (int k = 1; k <= radius; ++k) sum += (load(row + x - k) + load(row + x + k)) * taps[k];
    store_part(out + x, sum, count);
  };
  int x = 0;
  if (streamed) {  // up to the first aligned place
    const int lead = lanes_to_alignment(out);
    if (lead > 0) one(0, lead < width ? lead : width);
    x = lead;
  }
  for (; x + kStep <= width; x += kStep) {
    Sums sums;
    row_sums(row + x, taps, radius, sums);
    for (int i = 0; i < kVectors; ++i) {
      if (streamed) {
        stream(out + x + i * kLanes, sums.v[i]);
      } else {
        store(out + x + i * kLanes, sums.v[i]);
      }
    }
  }
  for (; x < width; x += kLanes) one(x, width - x < kLanes ? width - x : kLanes);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
