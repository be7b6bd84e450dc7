#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

bool is_peak(const float* above, const float* row, const float* below, int x, int width,
             float threshold, int connectivity, Ties ties) {
  const float value = row[x];
  if (!(value > threshold)) return false;
  const float left = x > 0 ? row[x - 1] : 0.0f;
  const float right = x + 1 < width ? row[x + 1] : 0.0f;
  if (beats(left, value, true, ties) || beats(above[x], value, true, ties)) return false;
  if (beats(right, value, false, ties) || beats(below[x], value, false, ties)) return false;
  if (connectivity == 4) return true;
  const bool has_left = x > 0, has_right = x + 1 < width;
  return !beats(has_left ? above[x - 1] : 0.0f, value, true, ties) &&
         !beats(has_right ? above[x + 1] : 0.0f, value, true, ties) &&
         !beats(has_left ? below[x - 1] : 0.0f, value, false, ties) &&
         !beats(has_right ? below[x + 1] : 0.0f, value, false, ties);
}

}  // namespace

// Vectors only look for pixels that no 4-neighbour is *greater* than; the few that pass take the
// full rule one by one.
int find_peaks_row(const float* above, const float* row, const float* below, int width,
                   float threshold, int connectivity, Ties ties, std::int32_t* xs) {
  int found = 0;
  const VecF limit = splat(threshold);
  int x = 0;
  for (; x < width; ++x) {
    if (x > 0 && x + kLanes < width) {
      const VecF value = load(row + x);
      VecI pass = value > limit;
      if (lane_bits(pass) == 0) {
        x += kLanes - 1;
        continue;
      }
      pass &= ~(load(row + x - 1) > value) & ~(load(row + x + 1) > value);
      pass &= ~(load(above + x) > value) & ~(load(below + x) > value);
      for (std::uint32_t bits = lane_bits(pass); bits != 0; bits &= bits - 1) {
        const int at = x + __builtin_ctz(bits);
        if (is_peak(above, row, below, at, width, threshold, connectivity, ties)) xs[found++] = at;
      }
      x += kLanes - 1;
    } else if (is_peak(above, row, below, x, width, threshold, connectivity, ties)) {
      xs[found++] = x;
    }
  }
  return found;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
