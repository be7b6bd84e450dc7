#include "heatpose/warp_crops.h"

namespace heatpose {}  // namespace heatpose
