#pragma once

#include "common/macros.h"

namespace heatpose {

/// Whether a pixel touches a cell of this weight. A smaller one is what rounding left of zero: a
/// cell that is not finite does no harm there.
HEATPOSE_RULE bool touches(float weight) { return weight > 1e-9f || weight < -1e-9f; }

}  // namespace heatpose
