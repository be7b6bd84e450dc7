#pragma once

#include <cstdint>

#include "heatpose/find_peaks.h"

// Every hot loop that is compiled once per vector unit: name, result, arguments. A kernel sees
// pointers and sizes only, allocates nothing and never throws; what surrounds it is
// csrc/cpu/<op>.cpp.
//
// find_peaks_row: x of the peaks in one row, into `xs` (room for `width`); returns how many.
// `above`
//   and `below` are the neighbouring rows (rows of zeros outside the map).
#define HEATPOSE_KERNELS(X)                                                                \
  X(find_peaks_row, int,                                                                   \
    (const float* above, const float* row, const float* below, int width, float threshold, \
     int connectivity, Ties ties, std::int32_t* xs))

namespace heatpose {

struct Kernels {
#define HEATPOSE_MEMBER(name, result, arguments) result(*name) arguments;
  HEATPOSE_KERNELS(HEATPOSE_MEMBER)
#undef HEATPOSE_MEMBER
};

/// The kernels of the vector unit in use.
const Kernels& kernels();

}  // namespace heatpose

#ifdef HEATPOSE_SIMD_UNIT
namespace heatpose::HEATPOSE_SIMD_UNIT {
#define HEATPOSE_DECLARE(name, result, arguments) result name arguments;
HEATPOSE_KERNELS(HEATPOSE_DECLARE)
#undef HEATPOSE_DECLARE
extern const Kernels kTable;
}  // namespace heatpose::HEATPOSE_SIMD_UNIT
#endif
