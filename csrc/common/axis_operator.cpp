#include "common/axis_operator.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <stdexcept>
#include <string>
#include <tuple>

#include "common/fork_safe_mutex.h"

namespace heatpose {
namespace {

constexpr double kPi = 3.14159265358979323846;

// A composed weight below this is what rounding leaves of an exact zero; its cell is not touched.
constexpr double kNegligible = 1e-9;

/// One row before it is packed: values from cell `begin` on.
struct SparseRow {
  int begin = 0;
  std::vector<double> values;

  void add(int index, double weight) {
    if (weight == 0.0) return;
    if (values.empty()) begin = index;
    if (index < begin) {
      values.insert(values.begin(), static_cast<std::size_t>(begin - index), 0.0);
      begin = index;
    }
    const auto at = static_cast<std::size_t>(index - begin);
    if (at >= values.size()) values.resize(at + 1, 0.0);
    values[at] += weight;
  }

  void add(const SparseRow& other, double weight) {
    for (std::size_t i = 0; i < other.values.size(); ++i) {
      add(other.begin + static_cast<int>(i), weight * other.values[i]);
    }
  }
};

using Matrix = std::vector<SparseRow>;

double cubic(double x) {
  constexpr double a = -0.75;
  x = std::fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double lanczos4(double x) {
  if (std::fabs(x) < 1e-7) return 1;
  if (std::fabs(x) >= 4) return 0;
  return 4 * std::sin(kPi * x) * std::sin(kPi * x / 4) / (kPi * kPi * x * x);
}

SparseRow kernel_row(double source, int n, int radius, double (*kernel)(double)) {
  SparseRow row;
  const int base = static_cast<int>(std::floor(source));
  double sum = 0;
  for (int k = 1 - radius; k <= radius; ++k) sum += kernel(source - (base + k));
  for (int k = 1 - radius; k <= radius; ++k) {
    row.add(std::clamp(base + k, 0, n - 1), kernel(source - (base + k)) / sum);
  }
  return row;
}

/// OpenCV scales by the reciprocal of the enlargement; a floor must fall on the same side.
double source_step(int from, int to) { return 1.0 / (static_cast<double>(to) / from); }

/// Shares of the source pixels that destination pixel `i` covers. OpenCV drops slivers below 1e-3
/// and does not make up for them, so such a row sums to a little less than one.
SparseRow shrunk_area_row(int i, int from, double scale) {
  const double begin = i * scale, end = begin + scale;
  const double width = std::min(scale, from - begin);
  const int last = std::min(static_cast<int>(std::floor(end)), from - 1);
  const int first = std::min(static_cast<int>(std::ceil(begin)), last);
  SparseRow row;
  if (first - begin > 1e-3) row.add(first - 1, (first - begin) / width);
  for (int k = first; k < last; ++k) row.add(k, 1 / width);
  if (end - last > 1e-3) row.add(last, std::min({end - last, 1.0, width}) / width);
  return row;
}

/// Enlarging, OpenCV's "area" is linear between the two source pixels that the pixel overlaps.
SparseRow enlarged_area_row(int i, int from, int to, double scale) {
  SparseRow row;
  const int k = static_cast<int>(std::floor(i * scale));
  double fraction = (i + 1) - (k + 1) * (static_cast<double>(to) / from);
  fraction = fraction <= 0 ? 0 : fraction - std::floor(fraction);
  row.add(std::min(k, from - 1), 1 - fraction);
  row.add(std::min(k + 1, from - 1), fraction);
  return row;
}

SparseRow resize_row(int i, int from, int to, Interpolation interpolation) {
  SparseRow row;
  if (from == to) {
    row.add(i, 1);
    return row;
  }
  const double scale = source_step(from, to);
  const double source = (i + 0.5) * scale - 0.5;
  switch (interpolation) {
    case Interpolation::kNearest:
      row.add(std::min(static_cast<int>(std::floor(i * scale)), from - 1), 1);
      return row;
    case Interpolation::kLinear: {
      const int base = static_cast<int>(std::floor(source));
      row.add(std::clamp(base, 0, from - 1), 1 - (source - base));
      row.add(std::clamp(base + 1, 0, from - 1), source - base);
      return row;
    }
    case Interpolation::kCubic:
      return kernel_row(source, from, 2, cubic);
    case Interpolation::kArea:
      return scale > 1 ? shrunk_area_row(i, from, scale) : enlarged_area_row(i, from, to, scale);
    case Interpolation::kLanczos4:
      return kernel_row(source, from, 4, lanczos4);
  }
  throw std::invalid_argument("unknown interpolation");
}

Matrix resize_matrix(int from, int to, Interpolation interpolation) {
  Matrix rows(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) {
    rows[static_cast<std::size_t>(i)] = resize_row(i, from, to, interpolation);
  }
  return rows;
}

/// left @ right, where `left`'s columns are indices of `right`'s rows.
Matrix multiply(const Matrix& left, const Matrix& right) {
  Matrix product(left.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (std::size_t k = 0; k < left[i].values.size(); ++k) {
      const double weight = left[i].values[k];
      if (weight != 0.0) {
        product[i].add(right[static_cast<std::size_t>(left[i].begin) + k], weight);
      }
    }
  }
  return product;
}

/// The convolution of the canvas with `taps`, applied to `matrix`, row by row: the convolution
/// itself would take canvas * taps numbers.
Matrix convolve(const Matrix& matrix, const std::vector<double>& taps, Border border) {
  const int n = static_cast<int>(matrix.size());
  const int radius = static_cast<int>(taps.size()) / 2;
  Matrix product(matrix.size());
  for (int i = 0; i < n; ++i) {
    for (int k = -radius; k <= radius; ++k) {
      const int at = border_index(i + k, n, border);
      const double tap = taps[static_cast<std::size_t>(k + radius)];
      if (at >= 0 && tap != 0.0) {
        product[static_cast<std::size_t>(i)].add(matrix[static_cast<std::size_t>(at)], tap);
      }
    }
  }
  return product;
}

/// Cuts negligible weights off both ends of every row.
void trim(Matrix& matrix) {
  for (SparseRow& row : matrix) {
    std::vector<double>& values = row.values;
    while (!values.empty() && std::fabs(values.back()) < kNegligible) values.pop_back();
    std::size_t zeros = 0;
    while (zeros < values.size() && std::fabs(values[zeros]) < kNegligible) ++zeros;
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(zeros));
    row.begin += static_cast<int>(zeros);
  }
}

std::shared_ptr<const AxisOperator> pack(const Matrix& matrix, int cells) {
  auto op = std::make_shared<AxisOperator>();
  op->rows = static_cast<int>(matrix.size());
  op->cells = cells;
  op->taps = 1;
  for (const SparseRow& row : matrix) {
    op->taps = std::max(op->taps, static_cast<int>(row.values.size()));
  }
  for (const SparseRow& row : matrix) {
    int first = row.begin, last = row.begin + static_cast<int>(row.values.size()) - 1;
    const int start = std::max(0, std::min(first, cells - op->taps));
    op->start.push_back(start);
    const std::size_t offset = op->weights.size();
    op->weights.resize(offset + static_cast<std::size_t>(op->taps), 0.0f);
    for (std::size_t k = 0; k < row.values.size(); ++k) {
      op->weights[offset + k + static_cast<std::size_t>(first - start)] =
          static_cast<float>(row.values[k]);
    }
    op->first.push_back(first);
    op->last.push_back(last);
  }
  return op;
}

void check(const AxisGeometry& g, const std::vector<double>& taps) {
  constexpr int kMost = 1 << 20;  // bounds the memory that a geometry asks for
  if (g.cells < 1 || g.cells > kMost || g.stride < 1 || g.stride > 1024 || g.canvas < 1 ||
      g.canvas > kMost) {
    throw std::invalid_argument("bad map geometry: cells " + std::to_string(g.cells) + ", stride " +
                                std::to_string(g.stride) + ", canvas " + std::to_string(g.canvas));
  }
  const std::int64_t most = static_cast<std::int64_t>(g.cells) * g.stride;
  if (most > kMost) {
    throw std::invalid_argument("cells * stride must be at most " + std::to_string(kMost) +
                                ", got " + std::to_string(most));
  }
  if (g.content < 1 || g.content > most) {
    throw std::invalid_argument("content must be between 1 and cells * stride = " +
                                std::to_string(most) + ", got " + std::to_string(g.content));
  }
  constexpr std::size_t kMostProducts = std::size_t{1} << 26;  // bounds the time
  if (taps.size() * static_cast<std::size_t>(g.canvas) > kMostProducts) {
    throw std::invalid_argument("canvas * taps must be at most " + std::to_string(kMostProducts) +
                                ", got a canvas of " + std::to_string(g.canvas) + " pixels and " +
                                std::to_string(taps.size()) + " taps");
  }
  if (!taps.empty() && taps.size() % 2 == 0) {
    throw std::invalid_argument("smoothing needs an odd number of taps, got " +
                                std::to_string(taps.size()));
  }
}

struct CacheEntry {
  AxisGeometry geometry;
  std::vector<double> taps;
  Border border;
  std::shared_ptr<const AxisOperator> op;
};

auto key(const AxisGeometry& g) {
  return std::make_tuple(g.cells, g.stride, g.content, g.canvas, g.enlarge, g.resize);
}

}  // namespace

std::shared_ptr<const AxisOperator> axis_operator(const AxisGeometry& geometry,
                                                  const std::vector<double>& taps, Border border) {
  // Never destroyed: a thread may be inside an op while the process ends.
  static auto& mutex = *new ForkSafeMutex;
  static auto& cache = *new std::deque<CacheEntry>;  // last used first
  constexpr std::size_t kKept = 64;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto entry = cache.begin(); entry != cache.end(); ++entry) {
      if (key(entry->geometry) == key(geometry) && entry->border == border && entry->taps == taps) {
        std::rotate(cache.begin(), entry, entry + 1);
        return cache.front().op;
      }
    }
  }
  check(geometry, taps);
  const int enlarged = geometry.cells * geometry.stride;
  const Matrix first = resize_matrix(geometry.cells, enlarged, geometry.enlarge);
  // The crop needs no step of its own: content <= enlarged, and clamping happens at the content.
  Matrix matrix =
      multiply(resize_matrix(geometry.content, geometry.canvas, geometry.resize), first);
  if (!taps.empty()) matrix = convolve(matrix, taps, border);
  trim(matrix);
  auto op = pack(matrix, geometry.cells);
  const std::lock_guard<std::mutex> lock(mutex);
  cache.push_front({geometry, taps, border, op});
  if (cache.size() > kKept) cache.pop_back();
  return op;
}

}  // namespace heatpose
