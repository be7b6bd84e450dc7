#pragma once

#include "common/macros.h"

namespace heatpose {

// A person's score is a sum of doubles; these are its terms in the order in which they are added.

HEATPOSE_RULE double new_person_score(double peak_a, double peak_b, float pair) {
  return peak_a + peak_b + static_cast<double>(pair);
}

/// A person that takes a peak.
HEATPOSE_RULE double grown_score(double person, double peak, float pair) {
  return person + (peak + static_cast<double>(pair));
}

/// A person that takes over all parts of another.
HEATPOSE_RULE double united_score(double into, double from, float pair) {
  return into + (from + static_cast<double>(pair));
}

/// Whether a person has parts enough, and score enough per part.
HEATPOSE_RULE bool keep_person(double score, int parts, int min_parts, float min_score) {
  return parts >= min_parts && score / parts >= static_cast<double>(min_score);
}

}  // namespace heatpose
