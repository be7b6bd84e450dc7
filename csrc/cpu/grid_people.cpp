#include "heatpose/grid_people.h"

#include <algorithm>
#include <vector>

#include "common/grid_rule.h"
#include "common/grid_teams.h"
#include "cpu/parallel.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

/// A team of one.
struct Alone {
  int lane() const { return 0; }
  int size() const { return 1; }
  void sync() const {}
  Nearest nearest(Nearest own) const { return own; }
  int before(int count, int* all) const {
    *all = count;
    return 0;
  }
};

/// Calls body(i) for every i below `count`, on all threads.
template <typename Body>
void for_each(std::int64_t count, std::int64_t grain, const Body& body) {
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

/// The fields of a call, and where the samples lie.
struct FieldsOnGrid {
  FieldsOnGrid(const float* cells, int count, int rows, int columns, int samples)
      : fields(cells), channels(count), height(rows), width(columns) {
    for (int i = 0; i < samples; ++i) shares.push_back(sample_share(i, samples));
  }
  const float* fields;  // [N, channels, H, W]
  int channels, height, width;
  std::vector<float> shares;
};

/// The scores of one image's limb, item = image * L + limb, in rows that are `stride` apart.
void score_limb(const FieldsOnGrid& grid, const GridPeaks& peaks, const float* places,
                const GridLimbs& limbs, std::int64_t item, float* scores, std::int64_t stride) {
  const std::int64_t image = item / limbs.count, limb = item % limbs.count;
  const std::int64_t size = static_cast<std::int64_t>(grid.height) * grid.width;
  const float* field = grid.fields + image * grid.channels * size;
  const float* field_x = field + limbs.channels[2 * limb] * size;
  const float* field_y = field + limbs.channels[2 * limb + 1] * size;
  const std::int64_t a = image * peaks.keypoints + limbs.parts[2 * limb];
  const std::int64_t b = image * peaks.keypoints + limbs.parts[2 * limb + 1];
  const int count_a = peak_count(peaks.counts[a], peaks.max_peaks);
  const int count_b = peak_count(peaks.counts[b], peaks.max_peaks);
  const int samples = static_cast<int>(grid.shares.size());
  const float* to = places + 2 * b * peaks.max_peaks;
  for (int i = 0; i < count_a; ++i) {
    kernels().score_pairs_row(field_x, field_y, grid.height, grid.width,
                              places + 2 * (a * peaks.max_peaks + i), to, count_b,
                              grid.shares.data(), samples, scores + i * stride);
  }
}

/// Memory for assignments of up to `most` peaks.
struct Assigner {
  explicit Assigner(int most)
      : memory(static_cast<std::size_t>(AssignmentScratch::bytes(most)) / sizeof(double) + 1),
        scratch(AssignmentScratch::in(memory.data(), most)) {}
  std::vector<double> memory;
  AssignmentScratch scratch;
};

}  // namespace

void refine_peaks_cpu(const float* maps, int height, int width, const GridPeaks& peaks,
                      const std::int32_t* xy, int reach, float* places) {
  const std::int64_t size = static_cast<std::int64_t>(height) * width;
  for_each(peaks.images * peaks.keypoints, 8, [&](std::int64_t plane) {
    const int count = peak_count(peaks.counts[plane], peaks.max_peaks);
    const std::int64_t first = plane * peaks.max_peaks * 2;
    for (int i = 0; i < count; ++i) {
      const std::int32_t* at = xy + first + 2 * i;
      window_centre(maps + plane * size, height, width, at[0], at[1], reach,
                    places + first + 2 * i);
    }
    std::fill(places + first + 2 * count, places + first + 2 * peaks.max_peaks, 0.0f);
  });
}

void score_pairs_cpu(const float* fields, int channels, int height, int width,
                     const GridPeaks& peaks, const float* places, const GridLimbs& limbs,
                     int samples, float* scores) {
  const std::int64_t most = peaks.max_peaks;
  const FieldsOnGrid grid(fields, channels, height, width, samples);
  for_each(peaks.images * limbs.count, 4, [&](std::int64_t item) {
    std::fill_n(scores + item * most * most, most * most, 0.0f);
    score_limb(grid, peaks, places, limbs, item, scores + item * most * most, most);
  });
}

void assign_pairs_cpu(const float* scores, const GridPeaks& peaks, const GridLimbs& limbs,
                      float threshold, std::int32_t* partners) {
  const std::int64_t most = peaks.max_peaks;
  parallel_for(peaks.images * limbs.count, 4, [&](std::int64_t begin, std::int64_t end) {
    Assigner assigner(peaks.max_peaks);
    for (std::int64_t item = begin; item < end; ++item) {
      assign_limb(Alone{}, scores + item * most * most, most, peaks, limbs, item, threshold,
                  assigner.scratch, partners + item * 2 * most);
    }
  });
}

void connect_peaks_cpu(const std::int32_t* partners, const GridPeaks& peaks, const GridLimbs& limbs,
                       int max_people, std::int32_t* people, std::int32_t* person_counts) {
  const std::int64_t queue = Walk::queue_length(limbs.count, peaks.max_peaks);
  parallel_for(peaks.images, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> visited(static_cast<std::size_t>(peaks.keypoints) *
                                      static_cast<std::size_t>(peaks.max_peaks));
    std::vector<int> nodes(static_cast<std::size_t>(queue));
    for (std::int64_t image = begin; image < end; ++image) {
      person_counts[image] = connect(Alone{}, image_walk(partners, peaks, limbs, max_people, people,
                                                         image, visited.data(), nodes.data()));
    }
  });
}

void grid_people_cpu(const GridMaps& maps, const PeakOptions& peak_options,
                     const GridOptions& options, const GridLimbs& limbs, const PeaksView& found,
                     const GridPeopleView& out) {
  const std::int64_t planes = maps.images * maps.keypoints, items = maps.images * limbs.count;
  const GridPeaks peaks{maps.images, maps.keypoints, peak_options.max_peaks, found.counts};
  find_peaks_cpu(maps.heatmaps, maps.heatmaps, planes, maps.height, maps.width, peak_options,
                 found);
  refine_peaks_cpu(maps.heatmaps, maps.height, maps.width, peaks, found.xy, options.reach,
                   out.places);
  const std::int32_t most =
      planes == 0 ? 0 : *std::max_element(found.counts, found.counts + planes);
  const FieldsOnGrid grid(maps.fields, maps.channels, maps.height, maps.width, options.samples);
  std::vector<std::int32_t> partners(static_cast<std::size_t>(items) * 2 *
                                     static_cast<std::size_t>(peaks.max_peaks));
  parallel_for(items, 4, [&](std::int64_t begin, std::int64_t end) {
    Assigner assigner(most);
    std::vector<float> scores(static_cast<std::size_t>(most) * static_cast<std::size_t>(most));
    for (std::int64_t item = begin; item < end; ++item) {
      score_limb(grid, peaks, out.places, limbs, item, scores.data(), most);
      assign_limb(Alone{}, scores.data(), most, peaks, limbs, item, options.threshold,
                  assigner.scratch, partners.data() + item * 2 * peaks.max_peaks);
    }
  });
  connect_peaks_cpu(partners.data(), peaks, limbs, options.max_people, out.people, out.counts);
}

}  // namespace heatpose
