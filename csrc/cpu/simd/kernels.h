#pragma once

#include "cpu/simd/associate_kernels.h"
#include "cpu/simd/average_flipped_kernels.h"
#include "cpu/simd/decode_hand_maps_kernels.h"
#include "cpu/simd/decode_heatmaps_kernels.h"
#include "cpu/simd/find_peaks_kernels.h"
#include "cpu/simd/gaussian_smooth_kernels.h"
#include "cpu/simd/grid_people_kernels.h"
#include "cpu/simd/peaks_from_cells_kernels.h"
#include "cpu/simd/prepare_image_kernels.h"
#include "cpu/simd/resize_average_kernels.h"
#include "cpu/simd/warp_crops_kernels.h"

// Every hot loop that is compiled once per vector unit: X(name, result, arguments), listed op by op
// in <op>_kernels.h. A kernel sees pointers and sizes only, allocates nothing and never throws;
// what surrounds it is csrc/cpu/<op>.cpp.
#define HEATPOSE_KERNELS(X)            \
  HEATPOSE_KERNELS_ASSOCIATE(X)        \
  HEATPOSE_KERNELS_AVERAGE_FLIPPED(X)  \
  HEATPOSE_KERNELS_DECODE_HAND_MAPS(X) \
  HEATPOSE_KERNELS_DECODE_HEATMAPS(X)  \
  HEATPOSE_KERNELS_FIND_PEAKS(X)       \
  HEATPOSE_KERNELS_GAUSSIAN_SMOOTH(X)  \
  HEATPOSE_KERNELS_GRID_PEOPLE(X)      \
  HEATPOSE_KERNELS_PEAKS_FROM_CELLS(X) \
  HEATPOSE_KERNELS_PREPARE_IMAGE(X)    \
  HEATPOSE_KERNELS_RESIZE_AVERAGE(X)   \
  HEATPOSE_KERNELS_WARP_CROPS(X)

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
