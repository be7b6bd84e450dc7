#include "heatpose/decode_hand_maps.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "common/component_rule.h"
#include "cpu/components.h"
#include "cpu/parallel.h"
#include "cpu/tile_plane.h"

namespace heatpose {
namespace {

constexpr int kOwn = kTileInner * kTileInner;

/// The tiles of one tile row that hold a pixel above the threshold: masks, and the values below.
struct ActiveTiles {
  int count = 0;
  std::int32_t* columns;
  std::uint16_t* masks;  // [tiles, 14]
  float* values;         // [tiles, 14, 14] of the map that is not smoothed
};

/// Adds the runs of one row of pixels inside one tile.
void add_runs(std::uint32_t mask, const float* values, int y, int x0, Components& components) {
  while (mask != 0) {
    const int first = __builtin_ctz(mask);
    const int length = __builtin_ctz(~(mask >> first));
    Components::Run run{y, x0 + first, x0 + first + length - 1, 0.0, values[first], x0 + first};
    for (int x = first; x < first + length; ++x) {
      run.sum += static_cast<double>(values[x]);
      if (ahead(values[x], x0 + x, run.best, run.best_x)) {
        run.best = values[x];
        run.best_x = x0 + x;
      }
    }
    components.add(run);
    mask &= ~(((1u << length) - 1) << first);
  }
}

}  // namespace

void decode_hand_maps_cpu(const std::vector<ScaleMaps>& scales, std::int64_t planes,
                          const SmoothOptions& smooth, float threshold, float* coords,
                          float* scores) {
  const TileGrid smoothed_grid(scales, smooth.taps, smooth.border);
  const TileGrid average_grid(scales, {}, Border::kReflect);
  const Kernels& kernel = kernels();
  parallel_for(planes, 1, [&](std::int64_t begin, std::int64_t end) {
    ScratchFrame scratch;
    TilePlane smoothed(smoothed_grid, scratch), average(average_grid, scratch);
    const int tiles = smoothed_grid.columns();
    std::int32_t* txs = scratch.take<std::int32_t>(tiles);
    ActiveTiles active;
    active.columns = scratch.take<std::int32_t>(tiles);
    active.masks = scratch.take<std::uint16_t>(static_cast<std::int64_t>(tiles) * kTileInner);
    active.values = scratch.take<float>(static_cast<std::int64_t>(tiles) * kOwn);
    Components components;
    for (std::int64_t plane = begin; plane < end; ++plane) {
      smoothed.load(plane);
      average.load(plane);
      components.clear();
      for (int ty = 0; ty < smoothed_grid.rows(); ++ty) {
        const int height = std::min(kTileInner, smoothed_grid.height() - ty * kTileInner);
        const int selected = smoothed.select(ty, threshold, txs);
        smoothed.prepare(ty, txs, selected);
        average.prepare(ty, txs, selected);
        active.count = 0;
        for (int i = 0; i < selected; ++i) {
          const int width = std::min(kTileInner, smoothed_grid.width() - txs[i] * kTileInner);
          std::uint16_t* mask = active.masks + active.count * kTileInner;
          const float* pixels = smoothed.evaluate(ty, txs[i]);
          if (!kernel.threshold_tile(pixels, height, width, threshold, mask)) continue;
          const float* values = average.evaluate(ty, txs[i]);
          float* own = active.values + active.count * kOwn;
          for (int y = 0; y < height; ++y) {
            std::memcpy(own + y * kTileInner, values + (y + 1) * kTile + 1,
                        sizeof(float) * kTileInner);
          }
          active.columns[active.count++] = txs[i];
        }
        for (int y = 0; y < height; ++y) {
          for (int i = 0; i < active.count; ++i) {
            add_runs(active.masks[i * kTileInner + y], active.values + i * kOwn + y * kTileInner,
                     ty * kTileInner + y, active.columns[i] * kTileInner, components);
          }
        }
      }
      const Components::Run* peak = components.heaviest_peak();
      constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
      coords[2 * plane] = peak ? static_cast<float>(peak->best_x) : kMissing;
      coords[2 * plane + 1] = peak ? static_cast<float>(peak->y) : kMissing;
      scores[plane] = peak ? peak->best : 0.0f;
    }
  });
}

}  // namespace heatpose
