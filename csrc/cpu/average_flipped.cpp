#include "heatpose/average_flipped.h"

#include <algorithm>

#include "cpu/parallel.h"
#include "cpu/simd/kernels.h"

namespace heatpose {

void average_flipped_cpu(const FlippedMaps& job) {
  const std::int64_t plane_bytes =
      static_cast<std::int64_t>(job.height) * job.width * (job.type == CellType::kFloat32 ? 4 : 2);
  if (plane_bytes == 0) return;
  const Kernels& kernel = kernels();
  const auto* maps = static_cast<const char*>(job.maps);
  const auto* mirrored = static_cast<const char*>(job.mirrored);
  auto* out = static_cast<char*>(job.out);
  // A range of a few hundred kilobytes is worth waking a thread for.
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 18) / plane_bytes);
  parallel_for(job.instances * job.keypoints, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t keypoint = plane % job.keypoints;
      const std::int64_t from = plane - keypoint + job.flip[keypoint];
      kernel.average_rows(maps + plane * plane_bytes, mirrored + from * plane_bytes,
                          out + plane * plane_bytes, job.type, job.height, job.width, job.shift);
    }
  });
}

}  // namespace heatpose
