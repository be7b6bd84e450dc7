#pragma once

#define HEATPOSE_KERNELS_WARP_CROPS(X)
