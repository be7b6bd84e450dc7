#include "heatpose/decode_heatmaps.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "common/dark_window.h"
#include "cuda/block.h"
#include "cuda/device_scales.h"
#include "cuda/launch.h"
#include "cuda/map_maximum.h"

// A block decodes one map. It reads the map once, and then only some twenty rows of it, which are
// still in a cache near by. What comes after the read (some barriers, and the blur and the Newton
// step in double precision, as on the host, which only a few threads work at) takes about a
// microsecond, as long as the read: the eight or more blocks that share a multiprocessor hide it
// behind each other's reads. Hence the bound on the registers.

namespace heatpose {
namespace {

constexpr int kMostThreads = 512;
constexpr int kListedTaps = 33;  // half taps that fit the kernel's parameters: up to 65 cells wide

template <typename Cell>
struct DecodeJob {
  const Cell* maps;
  int height, width;
  bool chunked;  ///< every map lies at a multiple of 16 bytes and is one of them long
  DecodeOptions options;
  const float* places;
  const double* transforms;
  std::int64_t keypoints;
  float *coords, *scores;
  int room;           ///< values that the blur has shared memory for
  double sigma, sum;  ///< of the taps; the sum is the one before they are normalised
  double half[kListedTaps];

  HEATPOSE_METHOD int radius() const { return options.kernel / 2; }
  HEATPOSE_METHOD bool framed() const { return options.border != Border::kConstant; }
  HEATPOSE_METHOD bool blurs() const {
    return options.method == Refinement::kDark || options.method == Refinement::kDarkUdp;
  }
};

// -------------------------------------------------------------------------------------------------
// The blur: along the columns first, then along the rows.

/// What the blur has in shared memory: the centre tap and those to one side, and room for sums.
struct BlurRoom {
  double *taps, *sums;
};

template <typename Cell>
HEATPOSE_DEVICE BlurRoom blur_room(const DecodeJob<Cell>& job) {
  double* const taps = static_cast<double*>(dynamic_shared());
  return {taps, taps + job.radius() + 1};
}

/// The rule of gaussian_taps, for kernels that are too wide to list as well.
template <typename Cell>
HEATPOSE_DEVICE void fill_taps(const DecodeJob<Cell>& job, double* taps) {
  const bool listed = job.radius() < kListedTaps;
  for (int i = thread_index(); i <= job.radius(); i += block_threads()) {
    const double t = i / job.sigma;
    taps[i] = listed ? job.half[i] : exp(-0.5 * t * t) / job.sum;
  }
}

/// A cell as the blur reads it.
template <typename Cell>
HEATPOSE_DEVICE double blurred_cell(const Cell* at) {
  const float value = to_float(*at);
  return value > -HUGE_VALF ? value : kMinusInfinity;  // that for NaN as well
}

/// The blur along its column at one cell, which may lie outside the map if the border is not
/// constant.
template <typename Cell>
HEATPOSE_DEVICE double blur_down(const DecodeJob<Cell>& job, const Cell* cells, const double* taps,
                                 int x, int y) {
  const int radius = job.radius();
  double sum = 0.0;
  if (job.framed()) {
    const Cell* const column = cells + border_index(x, job.width, job.options.border);
    for (int i = -radius; i <= radius; ++i) {
      const std::int64_t row = border_index(y + i, job.height, job.options.border);
      sum = multiply_add(taps[i < 0 ? -i : i], blurred_cell(column + row * job.width), sum);
    }
    return sum;
  }
  const int first = y > radius ? y - radius : 0;
  const int end = y + radius < job.height ? y + radius + 1 : job.height;
  const Cell* at = cells + static_cast<std::int64_t>(first) * job.width + x;
  for (int row = first; row < end; ++row, at += job.width) {
    sum = multiply_add(taps[row < y ? y - row : row - y], blurred_cell(at), sum);
  }
  return sum;
}

/// The blur along its row at `x` of `count` sums, which begin at column `left`.
HEATPOSE_DEVICE double blur_along(const double* sums, const double* taps, int radius, int left,
                                  int count, int x) {
  const int first = x - radius > left ? x - radius : left;
  const int end = x + radius < left + count ? x + radius + 1 : left + count;
  double sum = 0.0;
  for (int at = first; at < end; ++at) {
    sum = multiply_add(taps[at < x ? x - at : at - x], sums[at - left], sum);
  }
  return sum;
}

/// The highest value of the whole blurred map, tile by tile; every thread gets it. Few maps need
/// it: a blurred value next to their maximum has to lie outside the clamp.
template <typename Cell>
HEATPOSE_DEVICE double blurred_maximum(const DecodeJob<Cell>& job, const Cell* cells,
                                       const BlurRoom& room) {
  const int radius = job.radius();
  const int across = job.width <= job.room ? job.width : job.room - 2 * radius;
  const int down = job.room / (job.width <= job.room ? job.width : job.room);
  double highest = -HUGE_VAL;
  for (int top = 0; top < job.height; top += down) {
    const int rows = top + down < job.height ? down : job.height - top;
    for (int begin = 0; begin < job.width; begin += across) {
      const int end = begin + across < job.width ? begin + across : job.width;
      const int left = begin > radius ? begin - radius : 0;
      const int count = (end + radius < job.width ? end + radius : job.width) - left;
      sync_block();  // what was there has been read
      for (int i = thread_index(); i < rows * count; i += block_threads()) {
        const int x = left + i % count, y = top + i / count;
        room.sums[i] = blur_down(job, cells, room.taps, x, y);
      }
      sync_block();
      for (int i = thread_index(); i < rows * (end - begin); i += block_threads()) {
        const int x = begin + i % (end - begin);
        const double* const row = room.sums + i / (end - begin) * count;
        highest = fmax(highest, blur_along(row, room.taps, radius, left, count, x));
      }
    }
  }
  return block_reduce(highest, [](double a, double b) { return fmax(a, b); });
}

// -------------------------------------------------------------------------------------------------
// The refinement. All threads of the block call; the first one gets the step.

template <typename Cell>
HEATPOSE_DEVICE bool refine_dark(const DecodeJob<Cell>& job, const Cell* cells, int x, int y,
                                 float maximum, Step* step) {
  const DarkWindow window{job.options.method, x, y, job.width, job.height};
  if (!window.refines()) return false;
  const BlurRoom room = blur_room(job);
  const int radius = job.radius(), reach = window.reach();

  // The rows of the window, each over the columns under the kernels of its cells.
  int left = x - reach - radius, right = x + reach + radius + 1;
  if (!job.framed()) {
    left = left > 0 ? left : 0;
    right = right < job.width ? right : job.width;
  }
  const int count = right - left;
  for (int i = thread_index(); i < window.side() * count; i += block_threads()) {
    const int row = y - reach + i / count;
    room.sums[i] = blur_down(job, cells, room.taps, left + i % count, row);
  }
  sync_block();

  // A lane of the first warp for each cell.
  const int cell = lane_index();
  const bool reads = warp_index() == 0 && cell < window.cells() && window.reads(cell);
  const ClampRange range = clamp_range(job.options.method);
  double blurred = 0.0;
  Clamp clamp = Clamp::kIdle;
  if (warp_index() == 0) {
    double smallest = HUGE_VAL, largest = -HUGE_VAL;
    if (reads) {
      const double* const row = room.sums + (window.row(cell) - y + reach) * count;
      blurred = blur_along(row, room.taps, radius, left, count, window.column(cell));
      smallest = largest = blurred;
    }
    smallest = warp_reduce(smallest, [](double a, double b) { return fmin(a, b); });
    largest = warp_reduce(largest, [](double a, double b) { return fmax(a, b); });
    clamp = clamp_state(smallest, largest, maximum, range);
  }
  double scale = 1.0;
  if (sync_block_or(clamp == Clamp::kNeeds && job.options.rescale)) {
    const double highest = blurred_maximum(job, cells, room);
    if (!dark_scale(maximum, highest, &scale)) return false;
  }
  if (warp_index() != 0 || clamp == Clamp::kFlat) return false;

  HEATPOSE_SHARED double logs[kMostDarkCells];
  if (reads) logs[cell] = dark_log(blurred, clamp, scale, range);
  sync_warp();
  return cell == 0 && window.step(logs, step);
}

template <typename Cell>
HEATPOSE_DEVICE bool refine_quarter(const DecodeJob<Cell>& job, const Cell* cells, int x, int y,
                                    Step* step) {
  if (thread_index() != 0) return false;
  const QuarterBorder border = job.options.quarter_border;
  const Cell* const at = cells + static_cast<std::int64_t>(y) * job.width + x;
  const auto towards = [at](std::int64_t offset) {
    return quarter_towards(to_float(at[-offset]), to_float(at[offset]));
  };
  step->x = quarter_moves_x(x, y, job.width, job.height, border) ? towards(1) : 0.0;
  step->y = quarter_moves_y(x, y, job.width, job.height, border) ? towards(job.width) : 0.0;
  return true;
}

template <typename Cell>
HEATPOSE_KERNEL_RESIDENT(kMostThreads, 2)
decode_maps(const DecodeJob<Cell> job) {
  if (job.blurs()) fill_taps(job, blur_room(job).taps);  // seen after the barriers of map_maximum
  const std::int64_t count = static_cast<std::int64_t>(job.height) * job.width;
  const std::int64_t plane = block_index();
  const Cell* const cells = job.maps + plane * count;
  const Maximum best = job.chunked ? map_maximum<Chunks<Cell>>(cells, count)
                                   : map_maximum<Singles<Cell>>(cells, count);
  double x = job.options.invalid, y = job.options.invalid;
  int column = -1, row = -1;
  if (job.places != nullptr) {
    x = job.places[2 * plane];
    y = job.places[2 * plane + 1];
    column = cell_of(job.places[2 * plane], job.width);
    row = cell_of(job.places[2 * plane + 1], job.height);
  } else if (best.value > 0.0f) {
    x = column = static_cast<int>(best.index % job.width);
    y = row = static_cast<int>(best.index / job.width);
  }
  if (column >= 0 && row >= 0) {
    Step step{0.0, 0.0};
    bool moved = false;
    if (job.blurs()) {
      moved =
          fabs(best.value) < HUGE_VALF && refine_dark(job, cells, column, row, best.value, &step);
    } else if (job.options.method == Refinement::kQuarter) {
      moved = refine_quarter(job, cells, column, row, &step);
    }
    if (moved) {
      x += step.x;
      y += step.y;
    }
  }
  if (thread_index() != 0) return;
  if (job.transforms != nullptr) {
    const Step photo = transformed(job.transforms + plane / job.keypoints * 6, x, y);
    x = photo.x;
    y = photo.y;
  }
  job.coords[2 * plane] = static_cast<float>(x);
  job.coords[2 * plane + 1] = static_cast<float>(y);
  job.scores[plane] = best.value;
}

template <typename Cell>
void set_taps(DecodeJob<Cell>& job) {
  const int kernel = job.options.kernel, radius = job.radius();
  static_assert(kMostGivenTaps / 2 < kListedTaps);
  if (job.options.half_taps != nullptr) {
    std::copy(job.options.half_taps, job.options.half_taps + radius + 1, job.half);
    return;
  }
  job.sigma = dark_sigma(kernel);
  job.sum = 0.0;
  for (int i = 0; i < kernel; ++i) {
    const double t = (i - radius) / job.sigma;
    job.sum += std::exp(-0.5 * t * t);
  }
  if (radius >= kListedTaps) return;
  double taps[2 * kListedTaps];
  gaussian_taps(kernel, job.sigma, taps);
  std::copy(taps + radius, taps + kernel, job.half);
}

/// A warp for maps of a few kilobytes, so that many of them are under way at once; many warps for
/// maps so large that a few blocks should keep the memory busy.
int threads_for(std::int64_t chunks) {
  if (chunks <= kMaximumLoads * kWarp) return kWarp;
  return chunks <= 4096 ? 128 : kMostThreads;
}

}  // namespace

void decode_heatmaps_cuda(const void* maps, CellType type, std::int64_t instances,
                          std::int64_t keypoints, int height, int width, const float* places,
                          const double* transforms, const DecodeOptions& options, float* coords,
                          float* scores, const CudaCall& call) {
  const DeviceGuard guard(call);
  const std::int64_t count = static_cast<std::int64_t>(height) * width;
  with_cell_type(type, [&](const auto* cell) {
    using Cell = std::decay_t<decltype(*cell)>;
    DecodeJob<Cell> job{};
    job.maps = static_cast<const Cell*>(maps);
    job.height = height;
    job.width = width;
    job.chunked = reinterpret_cast<std::uintptr_t>(maps) % 16 == 0 &&
                  count * static_cast<std::int64_t>(sizeof(Cell)) % 16 == 0;
    job.options = options;
    job.places = places;
    job.transforms = transforms;
    job.keypoints = keypoints;
    job.coords = coords;
    job.scores = scores;
    std::size_t shared = 0;
    if (job.blurs()) {
      set_taps(job);
      // The rows of a window, or some rows of a whole map.
      const int columns = options.kernel + 4;
      job.room = std::max(5 * (job.framed() ? columns : std::min(width, columns)), 512);
      shared = sizeof(double) * static_cast<std::size_t>(job.radius() + 1 + job.room);
    }
    const std::int64_t chunks = job.chunked ? count / Chunks<Cell>::kCells : count;
    launch(call, "decode_heatmaps", decode_maps<Cell>, instances * keypoints, threads_for(chunks),
           shared, job);
  });
}

}  // namespace heatpose
