#include "heatpose/peaks_from_cells.h"

#include <algorithm>
#include <vector>

#include "common/refine_peak_rule.h"
#include "cpu/parallel.h"
#include "cpu/peak_list.h"
#include "cpu/point_sampler.h"
#include "cpu/tile_plane.h"

namespace heatpose {
namespace {

void collect_tile_peaks(TilePlane& plane, const TileGrid& grid, const PeakOptions& options, int ty,
                        int tx, std::vector<Peak>& peaks) {
  const float* pixels = plane.evaluate(ty, tx);
  std::int32_t found[kTileInner * kTileInner];
  const int height = std::min(kTileInner, grid.height() - ty * kTileInner);
  const int width = std::min(kTileInner, grid.width() - tx * kTileInner);
  const int count = kernels().find_tile_peaks(pixels, height, width, options.threshold,
                                              options.connectivity, options.ties, found);
  for (int i = 0; i < count; ++i) {
    peaks.push_back({tx * kTileInner + (found[i] & 0xff), ty * kTileInner + (found[i] >> 8), 0.0f});
  }
}

/// The places of a plane's peaks between pixels; zeros past the count, as in the padded output.
void refine_plane(const PointSampler& smoothed, Refine refine, std::int64_t plane,
                  const TileGrid& grid, int max_peaks, const PeaksView& out, float* refined) {
  const std::int32_t* xy = out.xy + plane * max_peaks * 2;
  float* places = refined + plane * max_peaks * 2;
  std::fill_n(places, 2 * max_peaks, 0.0f);
  const auto value = [&](int x, int y) { return smoothed.at(plane, x, y); };
  for (int i = 0; i < out.counts[plane]; ++i) {
    const int x = xy[2 * i], y = xy[2 * i + 1];
    const Place place = refine == Refine::kCentroid
                            ? centroid_of(value, x, y, grid.width(), grid.height())
                            : taylor_of(value, x, y, grid.width(), grid.height());
    places[2 * i] = static_cast<float>(place.x);
    places[2 * i + 1] = static_cast<float>(place.y);
  }
}

}  // namespace

void peaks_from_cells_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes,
                          const SmoothOptions& smooth, const PeakOptions& options, Refine refine,
                          const PeaksView& out, float* refined) {
  const TileGrid grid(scales, smooth.taps, smooth.border);
  const PointSampler average(scales, {}, Border::kReflect);
  const PointSampler smoothed(scales, smooth.taps, smooth.border);
  parallel_for(planes, 1, [&](std::int64_t begin, std::int64_t end) {
    ScratchFrame scratch;
    TilePlane tiles(grid, scratch);
    std::int32_t* txs = scratch.take<std::int32_t>(grid.columns());
    std::vector<Peak> peaks;
    for (std::int64_t plane = begin; plane < end; ++plane) {
      tiles.load(plane);
      peaks.clear();
      for (int ty = 0; ty < grid.rows(); ++ty) {
        const std::size_t row_begin = peaks.size();
        const int selected = tiles.select(ty, options.threshold, txs);
        tiles.prepare(ty, txs, selected);
        for (int i = 0; i < selected; ++i) {
          collect_tile_peaks(tiles, grid, options, ty, txs[i], peaks);
        }
        std::sort(peaks.begin() + static_cast<std::ptrdiff_t>(row_begin), peaks.end(),
                  [](const Peak& a, const Peak& b) { return a.y != b.y ? a.y < b.y : a.x < b.x; });
      }
      for (Peak& peak : peaks) peak.score = average.at(plane, peak.x, peak.y);
      write_peaks(peaks, options.max_peaks, plane, out);
      if (refine != Refine::kNone) {
        refine_plane(smoothed, refine, plane, grid, options.max_peaks, out, refined);
      }
    }
  });
}

}  // namespace heatpose
