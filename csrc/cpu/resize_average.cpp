#include "heatpose/resize_average.h"

namespace heatpose {}  // namespace heatpose
