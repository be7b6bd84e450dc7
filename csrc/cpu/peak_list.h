#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "heatpose/find_peaks.h"

namespace heatpose {

struct Peak {
  std::int32_t x, y;
  float score;
};

/// Writes the peaks of one plane, given in raster order, into row `plane` of the padded output. Of
/// more than `max_peaks`, those with the highest score stay (of equal ones the first), in raster
/// order still, and the overflow flag is set. A NaN score counts as minus infinity. `keep_first`:
/// the first in raster order stay instead.
inline void write_peaks(std::vector<Peak>& peaks, int max_peaks, std::int64_t plane,
                        const PeaksView& out, bool keep_first = false) {
  const bool overflow = peaks.size() > static_cast<std::size_t>(max_peaks);
  if (overflow && keep_first) {
    peaks.resize(static_cast<std::size_t>(max_peaks));
  } else if (overflow) {
    std::vector<std::int32_t> order(peaks.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
    const auto rank = [&](std::int32_t i) {
      return score_rank(peaks[static_cast<std::size_t>(i)].score);
    };
    std::nth_element(order.begin(), order.begin() + max_peaks, order.end(),
                     [&](std::int32_t a, std::int32_t b) {
                       return rank(a) != rank(b) ? rank(a) > rank(b) : a < b;
                     });
    order.resize(static_cast<std::size_t>(max_peaks));
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) {
      peaks[i] = peaks[static_cast<std::size_t>(order[i])];
    }
    peaks.resize(order.size());
  }
  std::int32_t* xy = out.xy + plane * max_peaks * 2;
  float* scores = out.scores + plane * max_peaks;
  std::memset(xy, 0, sizeof(std::int32_t) * 2 * static_cast<std::size_t>(max_peaks));
  std::memset(scores, 0, sizeof(float) * static_cast<std::size_t>(max_peaks));
  for (std::size_t i = 0; i < peaks.size(); ++i) {
    xy[2 * i] = peaks[i].x;
    xy[2 * i + 1] = peaks[i].y;
    scores[i] = peaks[i].score;
  }
  out.counts[plane] = static_cast<std::int32_t>(peaks.size());
  out.overflow[plane] = overflow ? 1 : 0;
}

}  // namespace heatpose
