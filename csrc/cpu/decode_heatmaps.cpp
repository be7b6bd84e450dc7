#include "heatpose/decode_heatmaps.h"

namespace heatpose {}  // namespace heatpose
