#pragma once

// What a team of threads does together for grid_people.h: a warp, or one thread of the host. A Team
// has
//   int lane(), size()                who this is, and of how many
//   void sync()                       memory that one wrote is seen by all
//   Nearest nearest(Nearest)          the least of all
//   int before(int count, int* all)   sum of the counts of the lanes before this one, and of all
// All lanes call every function here with the same arguments and get the same answers.

#include <cstdint>

#include "common/grid_rule.h"
#include "heatpose/grid_people.h"

#ifdef __CUDACC__
#define HEATPOSE_TEAM __device__ static inline
#define HEATPOSE_TEAM_METHOD __device__
#else
#define HEATPOSE_TEAM static inline
#define HEATPOSE_TEAM_METHOD
#endif

namespace heatpose {

/// A column and how far it is from the tree of the search.
struct Nearest {
  double distance;
  int column;

  HEATPOSE_TEAM_METHOD bool closer(const Nearest& other) const {
    return distance < other.distance || (distance == other.distance && column < other.column);
  }
};

/// Memory of one assignment of at most `most` rows to at most `most` columns.
struct AssignmentScratch {
  double *row_price, *column_price, *distance;  // [most + 1]
  int *row_of, *way, *reached;                  // [most + 1]

  HEATPOSE_METHOD static std::int64_t bytes(int most) {
    return (3 * sizeof(double) + 3 * sizeof(int)) * (static_cast<std::int64_t>(most) + 1);
  }
  HEATPOSE_METHOD static AssignmentScratch in(void* memory, int most) {
    double* doubles = static_cast<double*>(memory);
    const std::int64_t n = static_cast<std::int64_t>(most) + 1;
    int* ints = reinterpret_cast<int*>(doubles + 3 * n);
    return {doubles, doubles + n, doubles + 2 * n, ints, ints + n, ints + 2 * n};
  }
};

/// Assigns every row to a column of its own so that the sum of costs is least (rows <= columns):
/// shortest augmenting paths (Jonker and Volgenant, 1987). Rows and columns count from 1; column 0
/// stands for the row that is being assigned. Of equally near columns the first is taken.
/// The answer: row_of[column], 0 for none.
template <typename Team, typename Cost>
HEATPOSE_TEAM void assign(const Team& team, const Cost& cost, int rows, int columns,
                          const AssignmentScratch& s) {
  constexpr double kFar = 1e300;
  for (int j = team.lane(); j <= columns; j += team.size()) {
    s.column_price[j] = 0;
    s.row_of[j] = 0;
  }
  for (int i = team.lane(); i <= rows; i += team.size()) s.row_price[i] = 0;
  team.sync();
  for (int row = 1; row <= rows; ++row) {
    for (int j = team.lane(); j <= columns; j += team.size()) {
      s.distance[j] = kFar;
      s.reached[j] = 0;
      s.way[j] = 0;
      if (j == 0) s.row_of[0] = row;
    }
    team.sync();
    int column = 0;
    do {
      const int from = s.row_of[column];
      const double price = s.row_price[from];
      Nearest nearest{kFar, columns + 1};
      for (int j = team.lane(); j <= columns; j += team.size()) {
        if (j == column) s.reached[j] = 1;
        if (s.reached[j]) continue;
        const double distance = cost(from - 1, j - 1) - price - s.column_price[j];
        if (distance < s.distance[j]) {
          s.distance[j] = distance;
          s.way[j] = column;
        }
        const Nearest candidate{s.distance[j], j};
        if (candidate.closer(nearest)) nearest = candidate;
      }
      nearest = team.nearest(nearest);
      for (int j = team.lane(); j <= columns; j += team.size()) {
        if (s.reached[j]) {
          s.row_price[s.row_of[j]] += nearest.distance;
          s.column_price[j] -= nearest.distance;
        } else {
          s.distance[j] -= nearest.distance;
        }
      }
      team.sync();
      column = nearest.column;
    } while (s.row_of[column] != 0);
    team.sync();
    if (team.lane() == 0) {
      while (column != 0) {
        const int before = s.way[column];
        s.row_of[column] = s.row_of[before];
        column = before;
      }
    }
    team.sync();
  }
}

/// Assigns the pairs of one image's limb, item = image * L + limb; `scores` (rows `stride` apart)
/// and `partners` [2, M] are its own. The shorter list takes the part of the rows.
template <typename Team>
HEATPOSE_TEAM void assign_limb(const Team& team, const float* scores, std::int64_t stride,
                               const GridPeaks& peaks, const GridLimbs& limbs, std::int64_t item,
                               float threshold, const AssignmentScratch& scratch,
                               std::int32_t* partners) {
  const std::int64_t most = peaks.max_peaks, image = item / limbs.count;
  const std::int32_t* parts = limbs.parts + 2 * (item % limbs.count);
  const std::int32_t* counts = peaks.counts + image * peaks.keypoints;
  const int count_a = peak_count(counts[parts[0]], peaks.max_peaks);
  const int count_b = peak_count(counts[parts[1]], peaks.max_peaks);
  for (int i = team.lane(); i < 2 * most; i += team.size()) partners[i] = -1;
  const bool turned = count_a > count_b;
  const std::int64_t row_step = turned ? 1 : stride, column_step = turned ? stride : 1;
  const auto score = [=](int row, int column) {
    return scores[row * row_step + column * column_step];
  };
  const int rows = turned ? count_b : count_a, columns = turned ? count_a : count_b;
  assign(
      team, [=](int row, int column) { return pair_cost(score(row, column)); }, rows, columns,
      scratch);
  for (int j = 1 + team.lane(); j <= columns; j += team.size()) {
    const int row = scratch.row_of[j] - 1;
    if (row < 0 || !is_connection(score(row, j - 1), threshold)) continue;
    const int a = turned ? j - 1 : row, b = turned ? row : j - 1;
    partners[a] = b;
    partners[most + b] = a;
  }
}

/// Limbs as grid_people.h has them, one image's connections, and memory to walk them.
struct Walk {
  const std::int32_t* parts;     // [L, 2]
  const std::int32_t* partners;  // [L, 2, M]
  const std::int32_t* counts;    // [K]
  int limbs, keypoints, max_peaks, max_people;
  std::int32_t* people;   // [max_people, K]
  std::uint8_t* visited;  // [K, M]
  int* queue;             // [queue_length()]

  /// Every connection is followed once from either end.
  HEATPOSE_METHOD static std::int64_t queue_length(int limbs, int max_peaks) {
    return 2 * static_cast<std::int64_t>(limbs) * max_peaks + 1;
  }
};

/// What connect() walks of one image.
HEATPOSE_RULE Walk image_walk(const std::int32_t* partners, const GridPeaks& peaks,
                              const GridLimbs& limbs, int max_people, std::int32_t* people,
                              std::int64_t image, std::uint8_t* visited, int* queue) {
  const std::int64_t keypoints = peaks.keypoints;
  return {limbs.parts,
          partners + image * limbs.count * 2 * peaks.max_peaks,
          peaks.counts + image * keypoints,
          limbs.count,
          peaks.keypoints,
          peaks.max_peaks,
          max_people,
          people + image * max_people * keypoints,
          visited,
          queue};
}

/// Gathers the peaks that hang together into people, breadth first from the first peak that is in
/// nobody yet: limbs in their order, at each first from keypoint a to b, then from b to a. Of two
/// peaks of one keypoint in a person the one that is met last is named. Returns how many people.
template <typename Team>
HEATPOSE_TEAM int connect(const Team& team, const Walk& w) {
  const std::int64_t peaks = static_cast<std::int64_t>(w.keypoints) * w.max_peaks;
  for (std::int64_t i = team.lane(); i < peaks; i += team.size()) w.visited[i] = 0;
  const std::int64_t slots = static_cast<std::int64_t>(w.max_people) * w.keypoints;
  for (std::int64_t i = team.lane(); i < slots; i += team.size()) w.people[i] = -1;
  team.sync();
  int people = 0;
  for (int keypoint = 0; keypoint < w.keypoints; ++keypoint) {
    const int count = peak_count(w.counts[keypoint], w.max_peaks);
    for (int peak = 0; peak < count && people < w.max_people; ++peak) {
      if (w.visited[keypoint * w.max_peaks + peak]) continue;
      std::int32_t* person = w.people + static_cast<std::int64_t>(people) * w.keypoints;
      ++people;
      if (team.lane() == 0) w.queue[0] = keypoint * w.max_peaks + peak;
      team.sync();
      int end = 1;
      for (int at = 0; at < end; ++at) {
        const int node = w.queue[at], part = node / w.max_peaks, own = node % w.max_peaks;
        const bool seen = w.visited[node] != 0;
        team.sync();
        if (seen) continue;
        if (team.lane() == 0) {
          w.visited[node] = 1;
          person[part] = own;
        }
        for (int first = 0; first < w.limbs; first += team.size()) {
          const int limb = first + team.lane();
          int next[2], found = 0;
          if (limb < w.limbs) {
            const std::int32_t* partners =
                w.partners + static_cast<std::int64_t>(limb) * 2 * w.max_peaks;
            const int a = w.parts[2 * limb], b = w.parts[2 * limb + 1];
            const int to_b = a == part ? partners[own] : -1;
            const int to_a = b == part ? partners[w.max_peaks + own] : -1;
            if (to_b >= 0 && to_b < w.max_peaks) next[found++] = b * w.max_peaks + to_b;
            if (to_a >= 0 && to_a < w.max_peaks) next[found++] = a * w.max_peaks + to_a;
          }
          int all = 0;
          const int place = end + team.before(found, &all);
          for (int i = 0; i < found; ++i) w.queue[place + i] = next[i];
          end += all;
        }
        team.sync();
      }
    }
  }
  return people;
}

}  // namespace heatpose
