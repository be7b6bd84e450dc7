#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

/// Whether pixel x of `row` is a peak; outside the map counts as 0.
bool is_row_peak(const float* above, const float* row, const float* below, int x, int width,
                 float threshold, int connectivity, Ties ties, bool inclusive) {
  const auto rival = [&](int dy, int dx) {
    const float* from = dy < 0 ? above : dy > 0 ? below : row;
    return x + dx >= 0 && x + dx < width ? from[x + dx] : 0.0f;
  };
  return is_peak(row[x], rival, threshold, connectivity, ties, inclusive);
}

}  // namespace

// Vectors only look for pixels that no 4-neighbour is *greater* than; the few that pass take the
// full rule one by one.
int find_peaks_row(const float* above, const float* row, const float* below, int width,
                   float threshold, int connectivity, Ties ties, bool inclusive, std::int32_t* xs) {
  int found = 0;
  const VecF limit = splat(threshold);
  int x = 0;
  for (; x < width; ++x) {
    if (x > 0 && x + kLanes < width) {
      const VecF value = load(row + x);
      VecI pass = inclusive ? value >= limit : value > limit;
      if (lane_bits(pass) == 0) {
        x += kLanes - 1;
        continue;
      }
      pass &= ~(load(row + x - 1) > value) & ~(load(row + x + 1) > value);
      pass &= ~(load(above + x) > value) & ~(load(below + x) > value);
      for (std::uint32_t bits = lane_bits(pass); bits != 0; bits &= bits - 1) {
        const int at = x + __builtin_ctz(bits);
        if (is_row_peak(above, row, below, at, width, threshold, connectivity, ties, inclusive)) {
          xs[found++] = at;
        }
      }
      x += kLanes - 1;
    } else if (is_row_peak(above, row, below, x, width, threshold, connectivity, ties, inclusive)) {
      xs[found++] = x;
    }
  }
  return found;
}

int find_high_row(const float* row, int width, float threshold, bool inclusive, std::int32_t* xs) {
  int found = 0;
  const VecF limit = splat(threshold);
  int x = 0;
  for (; x + kLanes <= width; x += kLanes) {
    const VecF value = load(row + x);
    const VecI pass = inclusive ? value >= limit : value > limit;
    for (std::uint32_t bits = lane_bits(pass); bits != 0; bits &= bits - 1) {
      xs[found++] = x + __builtin_ctz(bits);
    }
  }
  for (; x < width; ++x) {
    if (is_high(row[x], threshold, inclusive)) xs[found++] = x;
  }
  return found;
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
