#include "heatpose/find_peaks.h"

#include <cstring>
#include <vector>

#include "cpu/parallel.h"
#include "cpu/peak_list.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {

void find_peaks_cpu(const float* maps, const float* scores, std::int64_t planes, int height,
                    int width, const PeakOptions& options, const PeaksView& out) {
  const Kernels& kernel = kernels();
  const std::int64_t plane_size = static_cast<std::int64_t>(height) * width;
  parallel_for(planes, 1, [&](std::int64_t begin, std::int64_t end) {
    ScratchFrame scratch;
    float* outside = scratch.take<float>(width);
    std::memset(outside, 0, sizeof(float) * static_cast<std::size_t>(width));
    std::int32_t* xs = scratch.take<std::int32_t>(width);
    std::vector<Peak> peaks;
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const float* map = maps + plane * plane_size;
      const float* score_map = scores + plane * plane_size;
      peaks.clear();
      const auto at = [=](int x, int y) { return map[static_cast<std::int64_t>(y) * width + x]; };
      for (int y = 0; y < height; ++y) {
        const float* row = map + static_cast<std::int64_t>(y) * width;
        if (options.reach >= 0) {
          const int high =
              kernel.find_high_row(row, width, options.threshold, options.inclusive, xs);
          for (int i = 0; i < high; ++i) {
            if (wins_window(at, xs[i], y, height, width, options.reach, options.ties)) {
              peaks.push_back({xs[i], y, score_map[static_cast<std::int64_t>(y) * width + xs[i]]});
            }
          }
          continue;
        }
        const float* above = y > 0 ? row - width : outside;
        const float* below = y + 1 < height ? row + width : outside;
        const int found =
            kernel.find_peaks_row(above, row, below, width, options.threshold, options.connectivity,
                                  options.ties, options.inclusive, xs);
        for (int i = 0; i < found; ++i) {
          const float score = score_map[static_cast<std::int64_t>(y) * width + xs[i]];
          peaks.push_back({xs[i], y, score});
        }
      }
      write_peaks(peaks, options.max_peaks, plane, out, options.keep_first);
    }
  });
}

}  // namespace heatpose
