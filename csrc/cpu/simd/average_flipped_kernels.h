#pragma once

#include <cstdint>

#include "common/half.h"

// average_rows: out[y][x] = the mean of map[y][x] and of mirrored[y][mirrored_column(x)], over
//   height * width cells of one plane. `out` may be `map`.
#define HEATPOSE_KERNELS_AVERAGE_FLIPPED(X)                                                  \
  X(average_rows, void,                                                                      \
    (const void* map, const void* mirrored, void* out, CellType type, int height, int width, \
     bool shift))
