#include "heatpose/decode_heatmaps.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "common/dark_window.h"
#include "cpu/parallel.h"
#include "cpu/scratch.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

std::size_t size_of(CellType type) { return type == CellType::kFloat32 ? 4 : 2; }

float cell_at(const void* cells, CellType type, std::int64_t index) {
  if (type == CellType::kFloat16) return to_float(static_cast<const Half*>(cells)[index]);
  if (type == CellType::kBFloat16) return to_float(static_cast<const BFloat16*>(cells)[index]);
  return static_cast<const float*>(cells)[index];
}

/// The maps of one call, and what refining any of them needs.
struct Decoder {
  CellType type;
  int height, width;
  DecodeOptions options;
  Blur blur;
  const Kernels& kernel;

  bool blurs() const {
    return options.method == Refinement::kDark || options.method == Refinement::kDarkUdp;
  }
  bool refine(const void* cells, int x, int y, float maximum, Step* step) const;
  bool refine_dark(const void* cells, int x, int y, float maximum, Step* step) const;
};

/// A Blur of double-precision taps in `scratch`.
Blur make_blur(const DecodeOptions& options, ScratchFrame& scratch) {
  const int kernel = options.kernel, radius = kernel / 2;
  const int margin = (kernel + 4 + 7) / 8 * 8;
  double* taps = scratch.take<double>(kernel + 2 * margin);
  std::fill(taps, taps + kernel + 2 * margin, 0.0);
  if (options.half_taps == nullptr) {
    gaussian_taps(kernel, dark_sigma(kernel), taps + margin);
  } else {
    for (int i = -radius; i <= radius; ++i) {
      taps[margin + radius + i] = options.half_taps[std::abs(i)];
    }
  }
  return {taps + margin, kernel, margin};
}

/// The map itself, or a copy with columns of zeros behind it where it is too narrow for a vector.
BlurMap blur_map(const void* cells, const Decoder& decoder, ScratchFrame& scratch) {
  if (decoder.width >= decoder.blur.margin) {
    return {cells, decoder.type, decoder.height, decoder.width};
  }
  const std::size_t cell = size_of(decoder.type);
  const std::size_t from = cell * static_cast<std::size_t>(decoder.width);
  const std::size_t to = cell * static_cast<std::size_t>(decoder.blur.margin);
  char* copy = scratch.take<char>(static_cast<std::int64_t>(to) * decoder.height);
  std::memset(copy, 0, to * static_cast<std::size_t>(decoder.height));
  for (int y = 0; y < decoder.height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    std::memcpy(copy + row * to, static_cast<const char*>(cells) + row * from, from);
  }
  return {copy, decoder.type, decoder.height, decoder.blur.margin};
}

/// What lies up to `far` cells from (x, y), as the border has it where that is outside the map; in
/// a map of its own, in which (x, y) is (far, far).
BlurMap framed_window(const void* cells, const Decoder& decoder, int x, int y, int far,
                      ScratchFrame& scratch) {
  const Border border = decoder.options.border;
  const int side = 2 * far + 1, columns = std::max(side, decoder.blur.margin);
  const std::size_t cell = size_of(decoder.type);
  char* copy = scratch.take<char>(static_cast<std::int64_t>(cell) * columns * side);
  std::memset(copy, 0, cell * static_cast<std::size_t>(columns * side));
  for (int row = 0; row < side; ++row) {
    const std::int64_t from = border_index(y - far + row, decoder.height, border);
    for (int column = 0; column < side; ++column) {
      const int at = border_index(x - far + column, decoder.width, border);
      std::memcpy(copy + cell * static_cast<std::size_t>(row * columns + column),
                  static_cast<const char*>(cells) +
                      cell * static_cast<std::size_t>(from * decoder.width + at),
                  cell);
    }
  }
  return {copy, decoder.type, side, columns};
}

bool Decoder::refine_dark(const void* cells, int x, int y, float maximum, Step* step) const {
  const DarkWindow window{options.method, x, y, width, height};
  if (!window.refines()) return false;
  const int reach = window.reach(), far = reach + blur.kernel / 2;
  const bool inside = x >= far && x < width - far && y >= far && y < height - far;
  const bool framed = options.border != Border::kConstant && !inside;

  ScratchFrame scratch;
  const BlurMap map =
      framed ? framed_window(cells, *this, x, y, far, scratch) : blur_map(cells, *this, scratch);
  double blurred[kMostDarkCells];
  kernel.blur_around(map, blur, framed ? far : x, framed ? far : y, reach,
                     scratch.take<double>(5 * blur.margin), blurred);

  double logs[kMostDarkCells] = {};
  double smallest = HUGE_VAL, largest = -HUGE_VAL;
  for (int i = 0; i < window.cells(); ++i) {
    if (!window.reads(i)) continue;
    const int dx = window.column(i) - x, dy = window.row(i) - y;
    logs[i] = blurred[(dy + reach) * window.side() + dx + reach];
    smallest = std::min(smallest, logs[i]);
    largest = std::max(largest, logs[i]);
  }

  const ClampRange range = clamp_range(options.method);
  const Clamp clamp = clamp_state(smallest, largest, maximum, range);
  if (clamp == Clamp::kFlat) return false;
  double scale = 1.0;
  if (clamp == Clamp::kNeeds && options.rescale) {
    const std::int64_t room = (height + std::int64_t{1}) * (map.width + 7) + 2 * blur.margin;
    const double highest = kernel.blurred_maximum(map, blur, width, scratch.take<double>(room));
    if (!dark_scale(maximum, highest, &scale)) return false;
  }
  for (int i = 0; i < window.cells(); ++i) {
    if (window.reads(i)) logs[i] = dark_log(logs[i], clamp, scale, range);
  }
  return window.step(logs, step);
}

bool Decoder::refine(const void* cells, int x, int y, float maximum, Step* step) const {
  if (blurs()) return std::isfinite(maximum) && refine_dark(cells, x, y, maximum, step);
  if (options.method != Refinement::kQuarter) return false;
  const QuarterBorder border = options.quarter_border;
  const std::int64_t at = static_cast<std::int64_t>(y) * width + x;
  const auto towards = [&](std::int64_t offset) {
    return quarter_towards(cell_at(cells, type, at - offset), cell_at(cells, type, at + offset));
  };
  step->x = quarter_moves_x(x, y, width, height, border) ? towards(1) : 0.0;
  step->y = quarter_moves_y(x, y, width, height, border) ? towards(width) : 0.0;
  return true;
}

}  // namespace

void decode_heatmaps_cpu(const void* maps, CellType type, std::int64_t instances,
                         std::int64_t keypoints, int height, int width, const float* places,
                         const double* transforms, const DecodeOptions& options, float* coords,
                         float* scores) {
  const std::int64_t plane_size = static_cast<std::int64_t>(height) * width;
  const std::int64_t plane_bytes = plane_size * static_cast<std::int64_t>(size_of(type));
  ScratchFrame shared;
  Decoder decoder{type, height, width, options, {}, kernels()};
  if (decoder.blurs()) decoder.blur = make_blur(options, shared);

  // A range of a few hundred kilobytes is worth waking a thread for.
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 18) / std::max<std::int64_t>(1, plane_bytes));
  parallel_for(instances * keypoints, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const void* cells = static_cast<const char*>(maps) + plane * plane_bytes;
      const MapMaximum best = decoder.kernel.map_maximum(cells, type, plane_size);
      double x = options.invalid, y = options.invalid;
      int column = -1, row = -1;
      if (places != nullptr) {
        x = places[2 * plane];
        y = places[2 * plane + 1];
        column = cell_of(places[2 * plane], width);
        row = cell_of(places[2 * plane + 1], height);
      } else if (best.value > 0.0f) {
        x = column = static_cast<int>(best.index % width);
        y = row = static_cast<int>(best.index / width);
      }
      Step step{0.0, 0.0};
      if (column >= 0 && row >= 0 && decoder.refine(cells, column, row, best.value, &step)) {
        x += step.x;
        y += step.y;
      }
      if (transforms != nullptr) {
        const double* t = transforms + plane / keypoints * 6;
        const Step photo = transformed(t, x, y);
        x = photo.x;
        y = photo.y;
      }
      coords[2 * plane] = static_cast<float>(x);
      coords[2 * plane + 1] = static_cast<float>(y);
      scores[plane] = best.value;
    }
  });
}

}  // namespace heatpose
