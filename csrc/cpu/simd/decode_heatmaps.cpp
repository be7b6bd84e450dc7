// Top-down heatmaps: the maximum of a map, and its blur where the refinement reads it.
//
// A map is read once from memory, by map_maximum; the blur works on some twenty rows of it, which
// are still in the cache. The blur runs in double precision: it costs a fraction of the read, and
// no amplitude of the map can then take digits from the logarithms' differences.

#include "common/refine_rule.h"
#include "cpu/simd/kernels.h"
#include "cpu/simd/simd.h"
#include "cpu/simd/simd_double.h"

namespace heatpose::HEATPOSE_SIMD_UNIT {
namespace {

// The hardware's own prefetching stops at page borders and while a map is refined; asking for what
// lies this many bytes ahead (maybe in the next map, maybe nothing) is 15 to 25 % faster on maps
// that come from main memory.
constexpr std::uintptr_t kAhead = 4096;

HEATPOSE_INLINE void prefetch(const void* here) {
  __builtin_prefetch((const void*)((std::uintptr_t)here + kAhead));
}

// Elements between two looks at the running maximum: the place is searched in one such stretch.
constexpr std::int64_t kStretch = 1024;

constexpr int kShorts = 2 * kLanes;
typedef std::int16_t VecS __attribute__((vector_size(kShorts * 2)));

HEATPOSE_INLINE VecS load_shorts(const std::uint16_t* p) {
  VecS v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

HEATPOSE_INLINE bool any(VecS mask) { return lane_bits((VecI)mask != 0) != 0; }

/// Bits of a 16-bit float as an integer of the same order. NaN comes before minus infinity; -0
/// comes before +0, which nobody sees: a maximum of zero is no place.
HEATPOSE_INLINE VecS ordered(VecS bits, std::int16_t infinity) {
  const VecS magnitude = bits & std::int16_t{0x7fff};
  const VecS key = bits ^ ((bits >> 15) & std::int16_t{0x7fff});
  return magnitude > infinity ? VecS{} + std::int16_t{-0x8000} : key;
}
HEATPOSE_INLINE std::int16_t ordered_one(std::uint16_t bits, std::int16_t infinity) {
  const int magnitude = bits & 0x7fff;
  if (magnitude > infinity) return -0x8000;
  return static_cast<std::int16_t>(bits & 0x8000 ? ~magnitude : magnitude);
}

MapMaximum maximum_of_floats(const float* cells, std::int64_t count) {
  MapMaximum best{-__builtin_huge_valf(), 0};
  std::int64_t from = -1;
  for (std::int64_t begin = 0; begin < count; begin += kStretch) {
    const std::int64_t end = begin + kStretch < count ? begin + kStretch : count;
    VecF high[4] = {splat(best.value), splat(best.value), splat(best.value), splat(best.value)};
    std::int64_t i = begin;
    for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
      for (int k = 0; k < 4; ++k) {
        high[k] = vmax(load(cells + i + k * kLanes), high[k]);
        prefetch(cells + i + k * kLanes);
      }
    }
    for (; i + kLanes <= end; i += kLanes) high[0] = vmax(load(cells + i), high[0]);
    const VecF highest = vmax(vmax(high[0], high[1]), vmax(high[2], high[3]));
    const float before = best.value;
    if (lane_bits(highest > splat(before)) != 0) {
      for (int k = 0; k < kLanes; ++k)
        best.value = highest[k] > best.value ? highest[k] : best.value;
    }
    for (; i < end; ++i) best.value = cells[i] > best.value ? cells[i] : best.value;
    if (best.value > before) from = begin;
  }
  if (from < 0) return best;
  const VecF wanted = splat(best.value);
  for (std::int64_t i = from;; i += kLanes) {
    if (i + kLanes <= count) {
      const std::uint32_t bits = lane_bits(load(cells + i) == wanted);
      if (bits == 0) continue;
      best.index = i + __builtin_ctz(bits);
      return best;
    }
    while (cells[i] != best.value) ++i;
    best.index = i;
    return best;
  }
}

/// The same on the bits of 16-bit floats, twice as many to a vector and nothing to convert.
template <typename Cell>
MapMaximum maximum_of_bits(const std::uint16_t* cells, std::int64_t count, std::int16_t infinity) {
  std::int16_t best = static_cast<std::int16_t>(~infinity);  // the key of minus infinity
  std::int64_t from = -1;
  for (std::int64_t begin = 0; begin < count; begin += kStretch) {
    const std::int64_t end = begin + kStretch < count ? begin + kStretch : count;
    VecS high[2] = {VecS{} + best, VecS{} + best};
    std::int64_t i = begin;
    for (; i + 2 * kShorts <= end; i += 2 * kShorts) {
      for (int k = 0; k < 2; ++k) {
        const VecS key = ordered(load_shorts(cells + i + k * kShorts), infinity);
        high[k] = key > high[k] ? key : high[k];
        prefetch(cells + i + k * kShorts);
      }
    }
    const std::int16_t before = best;
    const VecS highest = high[0] > high[1] ? high[0] : high[1];
    if (any(highest > before)) {
      for (int k = 0; k < kShorts; ++k) best = highest[k] > best ? highest[k] : best;
    }
    for (; i < end; ++i) {
      const std::int16_t key = ordered_one(cells[i], infinity);
      best = key > best ? key : best;
    }
    if (best > before) from = begin;
  }
  if (from < 0) return {-__builtin_huge_valf(), 0};
  const auto bits = static_cast<std::uint16_t>(best < 0 ? best ^ 0x7fff : best);
  const VecS wanted = VecS{} + static_cast<std::int16_t>(bits);
  while (from + kShorts <= count && !any(load_shorts(cells + from) == wanted)) from += kShorts;
  while (cells[from] != bits) ++from;
  return {to_float(Cell{bits}), from};
}

template <typename Cell>
void blur_around_of(const Cell* cells, const BlurMap& map, const Blur& blur, int x, int y,
                    int reach, double* scratch, double* blurred) {
  const int radius = blur.kernel / 2, side = 2 * reach + 1;
  int left = x - reach - radius;  // first column of the window, which stays inside the map
  if (left > map.width - blur.margin) left = map.width - blur.margin;
  if (left < 0) left = 0;
  const int first = y - reach - radius > 0 ? y - reach - radius : 0;
  const int end = y + reach + radius + 1 < map.height ? y + reach + radius + 1 : map.height;

  // Down the columns, for all the rows of the neighbourhood at once.
  for (int c = 0; c < blur.margin; c += kDoubles) {
    VecD sums[5] = {};
    const Cell* at = cells + static_cast<std::int64_t>(first) * map.width + left + c;
    for (int row = first; row < end; ++row, at += map.width) {
      const VecD value = vmax(load_cells(at), splat_double(kMinusInfinity));
      const double* taps = blur.taps + (row - (y - 2) + radius);
      for (int k = 0; k < 5; ++k) sums[k] += value * taps[-k];
    }
    for (int k = 0; k < 5; ++k) store(scratch + k * blur.margin + c, sums[k]);
  }

  // Along each row, for the cells in it.
  for (int dy = -reach; dy <= reach; ++dy) {
    const double* sums = scratch + (dy + 2) * blur.margin;
    const int ends = reach == 2 ? reach - (dy < 0 ? -dy : dy) : reach;
    for (int dx = -ends; dx <= ends; ++dx) {
      const double* taps = blur.taps + (left - (x + dx) + radius);
      VecD sum = {};
      for (int c = 0; c < blur.margin; c += kDoubles) sum += load(sums + c) * load(taps + c);
      blurred[(dy + reach) * side + dx + reach] = horizontal_sum(sum);
    }
  }
}

/// Blurs `groups * kDoubles` values along one axis: `step` apart lie the values under the taps.
template <int groups>
HEATPOSE_INLINE void blur_line(const double* source, std::int64_t step, const double* taps,
                               int count, VecD* sums) {
  for (int k = 0; k < groups; ++k) sums[k] = VecD{};
  for (int t = 0; t < count; ++t, source += step) {
    for (int k = 0; k < groups; ++k) sums[k] += load(source + k * kDoubles) * taps[t];
  }
}

template <typename Cell>
double blurred_maximum_of(const Cell* cells, const BlurMap& map, const Blur& blur, int width,
                          double* scratch) {
  const int radius = blur.kernel / 2;
  const int padded = (map.width + 7) / 8 * 8;
  double* rows = scratch;  // the map, blurred along its rows
  double* framed = scratch + static_cast<std::int64_t>(map.height) * padded;
  for (int c = 0; c < padded + 2 * blur.margin; ++c) framed[c] = 0.0;
  VecD sums[4];
  const int last = map.width - kDoubles;  // the last vector of a row overlaps the one before
  for (int y = 0; y < map.height; ++y) {
    const Cell* row = cells + static_cast<std::int64_t>(y) * map.width;
    for (int x = 0; x < map.width; x += kDoubles) {
      const int at = x < last ? x : last;
      store(framed + blur.margin + at, vmax(load_cells(row + at), splat_double(kMinusInfinity)));
    }
    const double* source = framed + blur.margin - radius;
    double* blurred = rows + static_cast<std::int64_t>(y) * padded;
    int x = 0;
    for (; x + 4 * kDoubles <= padded; x += 4 * kDoubles) {
      blur_line<4>(source + x, 1, blur.taps, blur.kernel, sums);
      for (int k = 0; k < 4; ++k) store(blurred + x + k * kDoubles, sums[k]);
    }
    for (; x < padded; x += kDoubles) {
      blur_line<1>(source + x, 1, blur.taps, blur.kernel, sums);
      store(blurred + x, sums[0]);
    }
  }
  VecD high = splat_double(-__builtin_huge_val());
  double best = -__builtin_huge_val();
  for (int y = 0; y < map.height; ++y) {
    const int first = y > radius ? y - radius : 0;
    const int end = y + radius + 1 < map.height ? y + radius + 1 : map.height;
    const double* source = rows + static_cast<std::int64_t>(first) * padded;
    const double* taps = blur.taps + (first - y + radius);
    int x = 0;
    for (; x + 4 * kDoubles <= width; x += 4 * kDoubles) {
      blur_line<4>(source + x, padded, taps, end - first, sums);
      for (int k = 0; k < 4; ++k) high = vmax(sums[k], high);
    }
    for (; x < width; x += kDoubles) {
      blur_line<1>(source + x, padded, taps, end - first, sums);
      for (int k = 0; k < kDoubles && x + k < width; ++k) {
        best = sums[0][k] > best ? sums[0][k] : best;
      }
    }
  }
  for (int k = 0; k < kDoubles; ++k) best = high[k] > best ? high[k] : best;
  return best;
}

}  // namespace

MapMaximum map_maximum(const void* cells, CellType type, std::int64_t count) {
  const auto* bits = static_cast<const std::uint16_t*>(cells);
  if (type == CellType::kFloat16) return maximum_of_bits<Half>(bits, count, 0x7c00);
  if (type == CellType::kBFloat16) return maximum_of_bits<BFloat16>(bits, count, 0x7f80);
  return maximum_of_floats(static_cast<const float*>(cells), count);
}

void blur_around(const BlurMap& map, const Blur& blur, int x, int y, int reach, double* scratch,
                 double* blurred) {
  if (map.type == CellType::kFloat16) {
    blur_around_of(static_cast<const Half*>(map.cells), map, blur, x, y, reach, scratch, blurred);
  } else if (map.type == CellType::kBFloat16) {
    blur_around_of(static_cast<const BFloat16*>(map.cells), map, blur, x, y, reach, scratch,
                   blurred);
  } else {
    blur_around_of(static_cast<const float*>(map.cells), map, blur, x, y, reach, scratch, blurred);
  }
}

double blurred_maximum(const BlurMap& map, const Blur& blur, int width, double* scratch) {
  if (map.type == CellType::kFloat16) {
    return blurred_maximum_of(static_cast<const Half*>(map.cells), map, blur, width, scratch);
  }
  if (map.type == CellType::kBFloat16) {
    return blurred_maximum_of(static_cast<const BFloat16*>(map.cells), map, blur, width, scratch);
  }
  return blurred_maximum_of(static_cast<const float*>(map.cells), map, blur, width, scratch);
}

}  // namespace heatpose::HEATPOSE_SIMD_UNIT
