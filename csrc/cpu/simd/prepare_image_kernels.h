#pragma once

#define HEATPOSE_KERNELS_PREPARE_IMAGE(X)
