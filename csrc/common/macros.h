#pragma once

// A rule: a function that the host and the device both compile, written once. `static`, because
// csrc/cpu/simd includes rules, and copies compiled for different vector units must not be merged
// by the linker. A method: the same for a member function of a kernel's parameters.
#ifdef __CUDACC__
#define HEATPOSE_RULE __host__ __device__ static inline
#define HEATPOSE_METHOD __host__ __device__
#else
#define HEATPOSE_RULE static inline
#define HEATPOSE_METHOD
#endif
