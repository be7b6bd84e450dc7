#include "heatpose/gaussian_smooth.h"

namespace heatpose {}  // namespace heatpose
