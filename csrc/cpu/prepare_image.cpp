#include "heatpose/prepare_image.h"

namespace heatpose {}  // namespace heatpose
