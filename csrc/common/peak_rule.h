#pragma once

#include <cstdint>
#include <cstring>

#include "common/macros.h"

namespace heatpose {

/// What happens between equal neighbours.
enum class Ties : int {
  kFirst = 0,  ///< the one on the left or above wins: one peak per plateau edge
  kAll = 1,    ///< every one is a peak (the classic programs)
  kNone = 2,   ///< none is a peak
};

/// Whether `rival` keeps `value` from being a peak. `earlier`: the rival lies above, or on the left
/// in the same row. Written with negated comparisons so that a NaN rival never beats anything.
HEATPOSE_RULE bool beats(float rival, float value, bool earlier, Ties ties) {
  if (rival > value) return true;
  if (rival != value) return false;
  return ties == Ties::kNone || (ties == Ties::kFirst && earlier);
}

/// Whether a value is high enough for a peak. NaN is not.
HEATPOSE_RULE bool is_high(float value, float threshold, bool inclusive) {
  return inclusive ? value >= threshold : value > threshold;
}

/// Whether a pixel of this value is a peak; rival(dy, dx) are the values around it.
template <typename Rival>
HEATPOSE_RULE bool is_peak(float value, const Rival& rival, float threshold, int connectivity,
                           Ties ties, bool inclusive = false) {
  if (!is_high(value, threshold, inclusive)) return false;
  if (beats(rival(0, -1), value, true, ties) || beats(rival(-1, 0), value, true, ties) ||
      beats(rival(0, 1), value, false, ties) || beats(rival(1, 0), value, false, ties)) {
    return false;
  }
  return connectivity == 4 ||
         !(beats(rival(-1, -1), value, true, ties) || beats(rival(-1, 1), value, true, ties) ||
           beats(rival(1, -1), value, false, ties) || beats(rival(1, 1), value, false, ties));
}

/// Whether the pixel (x, y), which is high enough, wins in the square that reaches `reach` pixels
/// from it. What lies outside the map does not compete.
template <typename At>
HEATPOSE_RULE bool wins_window(const At& at, int x, int y, int height, int width, int reach,
                               Ties ties) {
  const float value = at(x, y);
  const int top = y < reach ? 0 : y - reach, left = x < reach ? 0 : x - reach;
  const int bottom = height - 1 - y < reach ? height - 1 : y + reach;
  const int right = width - 1 - x < reach ? width - 1 : x + reach;
  for (int row = top; row <= bottom; ++row) {
    for (int column = left; column <= right; ++column) {
      if (row == y && column == x) continue;
      const bool earlier = row < y || (row == y && column < x);
      if (beats(at(column, row), value, earlier, ties)) return false;
    }
  }
  return true;
}

/// Orders scores: a higher score has a higher rank, equal ones the same. NaN counts as minus
/// infinity.
HEATPOSE_RULE std::uint32_t score_rank(float score) {
  std::uint32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  constexpr std::uint32_t kSign = 0x80000000u, kInfinity = 0x7f800000u;
  if ((bits & ~kSign) > kInfinity) bits = kSign | kInfinity;
  if (bits == kSign) bits = 0;  // minus zero
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

}  // namespace heatpose
