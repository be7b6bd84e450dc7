#include "heatpose/associate.h"

namespace heatpose {}  // namespace heatpose
