#pragma once

#include <cstdint>

// threshold_tile: bit x of rows[y] says whether the tile's own pixel (x, y) is above `threshold`;
//   returns whether any is. `pixels` as evaluate_tile leaves them.
#define HEATPOSE_KERNELS_DECODE_HAND_MAPS(X) \
  X(threshold_tile, bool,                    \
    (const float* pixels, int height, int width, float threshold, std::uint16_t* rows))
