#pragma once

#include "common/macros.h"

namespace heatpose {

/// What lies outside the canvas when it is smoothed (SciPy's names).
enum class Border : int {
  kReflect = 0,   ///< d c b a | a b c d | d c b a
  kMirror = 1,    ///< d c b | a b c d | c b a
  kNearest = 2,   ///< a a a | a b c d | d d d
  kConstant = 3,  ///< 0 0 0 | a b c d | 0 0 0
  kWrap = 4,      ///< b c d | a b c d | a b c
};

/// Index of the pixel that stands for `i` outside [0, n); -1 where the border is constant.
HEATPOSE_RULE int border_index(int i, int n, Border border) {
  if (i >= 0 && i < n) return i;
  switch (border) {
    case Border::kReflect: {
      const int period = 2 * n;
      i = ((i % period) + period) % period;
      return i < n ? i : period - 1 - i;
    }
    case Border::kMirror: {
      if (n == 1) return 0;
      const int period = 2 * n - 2;
      i = ((i % period) + period) % period;
      return i < n ? i : period - i;
    }
    case Border::kNearest:
      return i < 0 ? 0 : i < n ? i : n - 1;
    case Border::kConstant:
      return -1;
    case Border::kWrap:
      return ((i % n) + n) % n;
  }
  return -1;
}

}  // namespace heatpose
