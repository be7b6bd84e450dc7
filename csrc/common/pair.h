#pragma once

#include <cmath>
#include <cstdint>

#include "common/macros.h"

namespace heatpose {

/// Peak `a` of a limb's first keypoint joined to peak `b` of its second.
struct Pair {
  float score;
  std::int32_t a, b;
};

/// Best first; equal scores by (a, b).
HEATPOSE_RULE bool better(const Pair& p, const Pair& q) {
  if (p.score != q.score) return p.score > q.score;
  return p.a != q.a ? p.a < q.a : p.b < q.b;
}

/// A pair in the list of all pairs of all limbs.
struct RankedPair {
  double rank;
  std::int32_t limb;
  Pair pair;
};

/// A pair's rank is its score and a share of its peaks' scores; NaN comes last.
HEATPOSE_RULE double pair_rank(float pair_score, double score_a, double score_b,
                               float peak_weight) {
  const double rank =
      static_cast<double>(pair_score) + static_cast<double>(peak_weight) * (score_a + score_b);
  return rank == rank ? rank : -HUGE_VAL;
}

/// Best first; equal ranks by (limb, a, b).
HEATPOSE_RULE bool ranks_before(const RankedPair& p, const RankedPair& q) {
  if (p.rank != q.rank) return p.rank > q.rank;
  if (p.limb != q.limb) return p.limb < q.limb;
  return p.pair.a != q.pair.a ? p.pair.a < q.pair.a : p.pair.b < q.pair.b;
}

}  // namespace heatpose
