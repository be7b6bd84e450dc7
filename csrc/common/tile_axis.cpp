#include "common/tile_axis.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "common/fork_safe_mutex.h"

namespace heatpose {
namespace {

/// Smallest and largest value of each weight over some rows, dense from cell `start` on.
struct Envelope {
  explicit Envelope(int taps)
      : low(static_cast<std::size_t>(taps), std::numeric_limits<double>::infinity()),
        high(static_cast<std::size_t>(taps), -std::numeric_limits<double>::infinity()) {}

  void add(const std::vector<double>& row) {
    for (std::size_t k = 0; k < row.size(); ++k) {
      low[k] = std::min(low[k], row[k]);
      high[k] = std::max(high[k], row[k]);
    }
    empty = false;
  }

  void write(float* centre, float* radius) const {
    for (std::size_t k = 0; k < low.size() && !empty; ++k) {
      centre[k] = static_cast<float>(0.5 * (low[k] + high[k]));
      // Rounded outwards: the interval must hold what was rounded inwards above.
      radius[k] = static_cast<float>(0.5 * (high[k] - low[k]) * (1 + 1e-6) + 1e-9);
    }
  }

  std::vector<double> low, high;
  bool empty = true;
};

std::shared_ptr<const TileAxis> build(const AxisOperator& op) {
  auto axis = std::make_shared<TileAxis>();
  axis->canvas = op.rows;
  axis->cells = op.cells;
  axis->tiles = (op.rows + kTileInner - 1) / kTileInner;
  for (int t = 0; t < axis->tiles; ++t) {
    const int begin = std::max(0, t * kTileInner - 1);
    const int end = std::min(op.rows, t * kTileInner - 1 + kTile);
    int first = op.cells, last = 0;
    for (int row = begin; row < end; ++row) {
      first = std::min(first, op.first[static_cast<std::size_t>(row)]);
      last = std::max(last, op.last[static_cast<std::size_t>(row)]);
    }
    axis->start.push_back(first);
    axis->taps = std::max(axis->taps, last - first + 1);
  }
  axis->padded_taps = (axis->taps + 15) / 16 * 16;
  const auto tiles = static_cast<std::size_t>(axis->tiles);
  const auto padded = static_cast<std::size_t>(axis->padded_taps);
  axis->weights.assign(tiles * static_cast<std::size_t>(axis->taps) * kTile, 0.0f);
  axis->centre.assign(tiles * padded, 0.0f);
  axis->radius.assign(tiles * padded, 0.0f);

  const auto dense = [&](int row, int start) {
    std::vector<double> values(static_cast<std::size_t>(axis->taps), 0.0);
    for (int k = 0; k < op.taps; ++k) {
      const int at = op.start[static_cast<std::size_t>(row)] + k - start;
      const double weight =
          op.weights[static_cast<std::size_t>(row) * static_cast<std::size_t>(op.taps) +
                     static_cast<std::size_t>(k)];
      if (weight != 0.0) values[static_cast<std::size_t>(at)] = weight;
    }
    return values;
  };

  for (int t = 0; t < axis->tiles; ++t) {
    const int start = axis->start[static_cast<std::size_t>(t)];
    const int own_begin = t * kTileInner;
    const int own_end = std::min(op.rows, own_begin + kTileInner);
    Envelope envelope(axis->taps);
    for (int row = std::max(0, own_begin - 1); row < std::min(op.rows, own_end + 1); ++row) {
      const std::vector<double> weights = dense(row, start);
      const std::size_t lane = static_cast<std::size_t>(row - own_begin + 1);
      double positive = 0, negative = 0;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        const std::size_t tap =
            static_cast<std::size_t>(t) * static_cast<std::size_t>(axis->taps) + k;
        axis->weights[tap * kTile + lane] = static_cast<float>(weights[k]);
        (weights[k] > 0 ? positive : negative) += std::fabs(weights[k]);
      }
      axis->positive = std::max(axis->positive, static_cast<float>(positive));
      axis->negative = std::max(axis->negative, static_cast<float>(negative));
      if (row >= own_begin && row < own_end) envelope.add(weights);
    }
    const std::size_t at = static_cast<std::size_t>(t) * padded;
    envelope.write(&axis->centre[at], &axis->radius[at]);
  }
  return axis;
}

struct CacheEntry {
  std::shared_ptr<const AxisOperator> op;  // kept alive, so that its address names it
  std::shared_ptr<const TileAxis> axis;
};

}  // namespace

std::shared_ptr<const TileAxis> tile_axis(const std::shared_ptr<const AxisOperator>& op) {
  // Never destroyed: a thread may be inside an op while the process ends.
  static auto& mutex = *new ForkSafeMutex;
  static auto& cache = *new std::deque<CacheEntry>;  // last used first
  constexpr std::size_t kKept = 32;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto entry = cache.begin(); entry != cache.end(); ++entry) {
      if (entry->op == op) {
        std::rotate(cache.begin(), entry, entry + 1);
        return cache.front().axis;
      }
    }
  }
  auto axis = build(*op);
  const std::lock_guard<std::mutex> lock(mutex);
  cache.push_front({op, axis});
  if (cache.size() > kKept) cache.pop_back();
  return axis;
}

}  // namespace heatpose
