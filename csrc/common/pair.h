#pragma once

#include <cstdint>

namespace heatpose {

/// Peak `a` of a limb's first keypoint joined to peak `b` of its second.
struct Pair {
  float score;
  std::int32_t a, b;
};

/// Best first; equal scores by (a, b).
inline bool better(const Pair& p, const Pair& q) {
  if (p.score != q.score) return p.score > q.score;
  return p.a != q.a ? p.a < q.a : p.b < q.b;
}

}  // namespace heatpose
