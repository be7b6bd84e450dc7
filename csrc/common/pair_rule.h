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

/// The pixel of an axis of `size` pixels that is nearest to `v`; the border's where `v` lies
/// outside.
HEATPOSE_RULE int nearest_pixel(double v, int size, Rounding rounding) {
  const double rounded = rounding == Rounding::kHalfEven ? rint(v) : v + 0.5;
  if (!(rounded > 0.0)) return 0;
  return rounded < size ? static_cast<int>(rounded) : size - 1;
}

HEATPOSE_RULE PairLine pair_line(double ax, double ay, double bx, double by, const PairOptions& o) {
  PairLine line;
  const double dx = bx - ax, dy = by - ay;
  double norm = sqrt(dx * dx + dy * dy) + o.norm_offset;
  if (norm < o.min_norm) norm = o.min_norm;
  line.samples = o.samples;
  if (o.adaptive) {
    const double longest = fabs(dx) > fabs(dy) ? fabs(dx) : fabs(dy);
    const double wanted = sqrt(5.0 * longest) + 0.5;
    line.samples = wanted < 25 ? (wanted < 5 ? 5 : static_cast<int>(wanted)) : 25;
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

/// Whether both ends are places at all: no coordinate is NaN or infinite.
HEATPOSE_RULE bool has_places(const PairLine& line) { return line.norm - line.norm == 0.0; }

HEATPOSE_RULE int sample_column(const PairLine& line, int i, int width, const PairOptions& o) {
  return nearest_pixel(line.ax + i * line.step_x, width, o.rounding);
}

HEATPOSE_RULE int sample_row(const PairLine& line, int i, int height, const PairOptions& o) {
  return nearest_pixel(line.ay + i * line.step_y, height, o.rounding);
}

/// The part of a field's value (fx, fy) along the segment.
HEATPOSE_RULE double along(const PairLine& line, float fx, float fy) {
  return static_cast<double>(fx) * line.ux + static_cast<double>(fy) * line.uy;
}

/// Whether a sample counts. One that touches a cell which is not finite is none that does.
HEATPOSE_RULE bool sample_counts(double dot, const PairOptions& o) {
  return dot > static_cast<double>(o.point_threshold) && dot - dot == 0.0;
}

/// How many samples may fail before a pair is lost: it needs more than ratio * samples.
HEATPOSE_RULE int allowed_failures(int samples, const PairOptions& o) {
  const double needed = static_cast<double>(o.point_ratio) * samples;
  // The ratio arrives as a float: 0.8f * 10 is 8.0000001, and 8 must not count as "more than".
  const int least = static_cast<int>(floor(needed + 1e-5)) + 1;
  return samples - least;
}

/// The score of a pair that is lost because too many samples fail.
HEATPOSE_RULE double lost_pair_score(const PairLine& line, int height, int width,
                                     const PairOptions& o) {
  const double near = sqrt(static_cast<double>(width) * height) / 150.0;
  return line.norm < near ? static_cast<double>(o.near_score) : -1.0;
}

/// The score of any other pair from the sum of dot products (over all samples, or over those that
/// count). A pair is accepted where its score is > 0.
HEATPOSE_RULE double pair_score(double sum, int counted, const PairLine& line, int height,
                                const PairOptions& o) {
  const int over = o.mean_of_counted ? counted : line.samples;
  double score = over > 0 ? sum / over : 0.0;
  if (o.length_penalty) {
    const double penalty = 0.5 * height / line.norm - 1.0;
    if (penalty < 0) score += penalty;
  }
  return score - score == 0.0 ? score : -1.0;
}

}  // namespace heatpose
