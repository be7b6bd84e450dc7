#include "heatpose/peaks_from_cells.h"

namespace heatpose {}  // namespace heatpose
