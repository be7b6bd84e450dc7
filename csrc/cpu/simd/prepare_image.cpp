#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {}  // namespace heatpose::HEATPOSE_SIMD_UNIT
