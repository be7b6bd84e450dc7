#pragma once

#include "cpu/simd/simd.h"

#if !defined(__AVX2__) && defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace heatpose::HEATPOSE_SIMD_UNIT {

/// Stores past the caches; `p` is aligned to the vector. See csrc/cpu/stream.h.
HEATPOSE_INLINE void stream(float* p, VecF v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__SSE2__)
  _mm_stream_ps(p, (__m128)v);
#else
  store(p, v);
#endif
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
