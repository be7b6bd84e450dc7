#pragma once

// Functions that the host and the device both compile: each rule is written once.
#ifdef __CUDACC__
#define HEATPOSE_HD __host__ __device__
#else
#define HEATPOSE_HD
#endif
