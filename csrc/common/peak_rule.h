#pragma once

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

}  // namespace heatpose
