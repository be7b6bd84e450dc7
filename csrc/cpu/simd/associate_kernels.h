#pragma once

#define HEATPOSE_KERNELS_ASSOCIATE(X)
