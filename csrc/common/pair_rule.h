#pragma once

#include <cmath>

#include "common/macros.h"

namespace heatpose {

/// How a sample point between two pixels is rounded.
enum class Rounding : int {
  kHalfEven = 0,  ///< nearest, ties to even (Python, NumPy)
  kHalfUp = 1,    ///< int(v + 0.5) (the C++ programs)
};

struct PairOptions {
  int samples = 10;
  bool adaptive = false;  ///< 5..25 samples by length, as the C++ OpenPose does
  bool endpoint = true;   ///< the last sample lies on the second peak
  Rounding rounding = Rounding::kHalfEven;
  float point_threshold = 0.05f;  ///< a sample counts when its dot product is above it
  float point_ratio = 0.8f;       ///< and more than this share of the samples must count
  bool mean_of_counted = false;   ///< mean over the samples that count, not over all
  float min_norm = 1e-3f;         ///< |d| is at least this
  float norm_offset = 0.0f;       ///< added to |d|
  bool length_penalty = true;     ///< min(0.5 H / |d| - 1, 0) is added to the mean
  float near_score = -1.0f;  ///< score of a rejected pair nearer than sqrt(H W) / 150; < 0: none
};

/// The segment from peak a to peak b, cut into samples.
struct PairLine {
  double ax, ay, step_x, step_y;  // pixels
  double ux, uy;                  // unit vector
  double norm;                    // pixels
  int samples;
};

HEATPOSE_RULE int round_sample(double v, Rounding rounding) {
  return rounding == Rounding::kHalfEven ? static_cast<int>(rint(v)) : static_cast<int>(v + 0.5);
}

HEATPOSE_RULE PairLine pair_line(double ax, double ay, double bx, double by, const PairOptions& o) {
  PairLine line;
  const double dx = bx - ax, dy = by - ay;
  double norm = sqrt(dx * dx + dy * dy) + o.norm_offset;
  if (norm < o.min_norm) norm = o.min_norm;
  line.samples = o.samples;
  if (o.adaptive) {
    const double longest = fabs(dx) > fabs(dy) ? fabs(dx) : fabs(dy);
    const int wanted = static_cast<int>(sqrt(5.0 * longest) + 0.5);
    line.samples = wanted < 5 ? 5 : wanted > 25 ? 25 : wanted;
  }
  const int parts = o.endpoint ? (line.samples > 1 ? line.samples - 1 : 1) : line.samples;
  line.ax = ax;
  line.ay = ay;
  line.step_x = dx / parts;
  line.step_y = dy / parts;
  line.ux = dx / norm;
  line.uy = dy / norm;
  line.norm = norm;
  return line;
}

/// How many samples may fail before a pair is lost: it needs more than ratio * samples.
HEATPOSE_RULE int allowed_failures(int samples, const PairOptions& o) {
  const double needed = static_cast<double>(o.point_ratio) * samples;
  // The ratio arrives as a float: 0.8f * 10 is 8.0000001, and 8 must not count as "more than".
  const int least = static_cast<int>(floor(needed + 1e-5)) + 1;
  return samples - least;
}

/// The pair's score from the sum of dot products (over all samples, or over those that count), or
/// a value that is not > 0 where the pair is rejected.
HEATPOSE_RULE double pair_score(double sum, int counted, const PairLine& line, double canvas_height,
                                const PairOptions& o) {
  const int over = o.mean_of_counted ? counted : line.samples;
  double score = over > 0 ? sum / over : 0.0;
  if (o.length_penalty) {
    const double penalty = 0.5 * canvas_height / line.norm - 1.0;
    if (penalty < 0) score += penalty;
  }
  return score;
}

}  // namespace heatpose
