#include "heatpose/decode_hand_maps.h"

namespace heatpose {}  // namespace heatpose
