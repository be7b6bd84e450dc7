#include "cpu/simd/kernels.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {

#define HEATPOSE_ENTRY(name, result, arguments) name,
extern const Kernels kTable = {HEATPOSE_KERNELS(HEATPOSE_ENTRY)};
#undef HEATPOSE_ENTRY

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
