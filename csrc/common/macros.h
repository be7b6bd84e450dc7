#pragma once

// A rule: a function that the host and the device both compile, written once. `static`, because
// csrc/cpu/simd includes rules, and copies compiled for different vector units must not be merged
// by the linker.
#ifdef __CUDACC__
#define HEATPOSE_RULE __host__ __device__ static inline
#else
#define HEATPOSE_RULE static inline
#endif
