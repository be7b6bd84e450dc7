#include "heatpose/associate.h"

#include <algorithm>
#include <memory>

#include "common/pair.h"
#include "common/person_rule.h"
#include "cpu/assemble.h"
#include "cpu/parallel.h"
#include "cpu/simd/kernels.h"

namespace heatpose {
namespace {

constexpr int kMostSamples = 256;  // checked by the binding

/// Two field planes on the canvas, sampled pixel by pixel.
class FieldSampler {
 public:
  explicit FieldSampler(const std::vector<ScaleMaps>& fields) : kernel_(kernels()) {
    for (const ScaleMaps& field : fields) {
      scales_.push_back(
          {field.floats(), field.weight, axis_operator(field.y), axis_operator(field.x)});
    }
  }

  int height() const { return scales_[0].y->rows; }
  int width() const { return scales_[0].x->rows; }

  void at(std::int64_t plane_x, std::int64_t plane_y, int x, int y, float* fx, float* fy) const {
    *fx = *fy = 0.0f;
    for (const Scale& s : scales_) {
      const std::int64_t size = static_cast<std::int64_t>(s.y->cells) * s.x->cells;
      kernel_.sample_field(s.cells + plane_x * size, s.cells + plane_y * size, s.x->cells,
                           touched(*s.y, y), touched(*s.x, x), s.weight, fx, fy);
    }
  }

 private:
  static TouchedRow touched(const AxisOperator& op, int row) {
    const auto i = static_cast<std::size_t>(row);
    const float* weights = op.weights.data() + static_cast<std::int64_t>(row) * op.taps;
    return {weights + (op.first[i] - op.start[i]), op.first[i], op.last[i]};
  }

  struct Scale {
    const float* cells;
    float weight;
    std::shared_ptr<const AxisOperator> y, x;
  };
  const Kernels& kernel_;
  std::vector<Scale> scales_;
};

/// The k-th sample to look at, from the middle outwards: near its ends a wrong pair often lies on
/// the right limb of either peak, so the middle rejects it soonest.
int sample_order(int k, int samples) {
  const int middle = samples / 2;
  return k % 2 ? middle - (k + 1) / 2 : middle + k / 2;
}

/// The score of a pair; not > 0 where it is rejected.
double score_pair(const FieldSampler& fields, std::int64_t plane_x, std::int64_t plane_y,
                  const PeakSetView& peaks, std::int64_t a, std::int64_t b, const PairOptions& o) {
  const PairLine line =
      pair_line(peaks.place(a, 0), peaks.place(a, 1), peaks.place(b, 0), peaks.place(b, 1), o);
  double dots[kMostSamples];
  int failures = allowed_failures(line.samples, o);
  if (failures < 0) return -1.0;  // a ratio that no count of samples can exceed
  if (!has_places(line)) return -1.0;
  int counted = 0;
  for (int k = 0; k < line.samples; ++k) {
    const int i = sample_order(k, line.samples);
    float fx, fy;
    fields.at(plane_x, plane_y, sample_column(line, i, fields.width(), o),
              sample_row(line, i, fields.height(), o), &fx, &fy);
    dots[i] = along(line, fx, fy);
    if (sample_counts(dots[i], o)) {
      ++counted;
    } else if (--failures < 0) {
      return lost_pair_score(line, fields.height(), fields.width(), o);
    }
  }
  double sum = 0;
  for (int i = 0; i < line.samples; ++i) {
    if (!o.mean_of_counted || sample_counts(dots[i], o)) sum += dots[i];
  }
  return pair_score(sum, counted, line, fields.height(), o);
}

void find_pairs(const PeakSetView& peaks, const FieldSampler& fields, int channels,
                const LimbsView& limbs, const AssociateOptions& options, std::int64_t image,
                int limb, std::vector<Pair>& pairs) {
  const std::int64_t first = image * peaks.keypoints;
  const std::int64_t a = first + limbs.parts[2 * limb], b = first + limbs.parts[2 * limb + 1];
  const std::int64_t plane_x = image * channels + limbs.channels[2 * limb];
  const std::int64_t plane_y = image * channels + limbs.channels[2 * limb + 1];
  const int count_a = peaks.counts[a], count_b = peaks.counts[b];
  for (int i = 0; i < count_a; ++i) {
    for (int j = 0; j < count_b; ++j) {
      const double score = score_pair(fields, plane_x, plane_y, peaks, a * peaks.max_peaks + i,
                                      b * peaks.max_peaks + j, options.pair);
      if (score > 0) pairs.push_back({static_cast<float>(score), i, j});
    }
  }
}

/// Best pairs first, each peak once.
void keep_best_pairs(int count_a, int count_b, std::vector<Pair>& pairs) {
  std::sort(pairs.begin(), pairs.end(), better);
  std::vector<bool> used_a(static_cast<std::size_t>(count_a)),
      used_b(static_cast<std::size_t>(count_b));
  std::size_t kept = 0;
  for (const Pair& pair : pairs) {
    if (used_a[static_cast<std::size_t>(pair.a)] || used_b[static_cast<std::size_t>(pair.b)])
      continue;
    used_a[static_cast<std::size_t>(pair.a)] = used_b[static_cast<std::size_t>(pair.b)] = true;
    pairs[kept++] = pair;
  }
  pairs.resize(kept);
}

void write_people(std::vector<PersonRow>& people, const AssociateOptions& options, int keypoints,
                  std::int64_t image, const AssociationView& out) {
  std::vector<PersonRow> kept;
  for (PersonRow& person : people) {
    if (keep_person(person.score, person.parts, options.min_parts, options.min_score)) {
      kept.push_back(std::move(person));
    }
  }
  const auto most = static_cast<std::size_t>(out.max_people);
  out.overflow[image] = kept.size() > most ? 1 : 0;
  if (kept.size() > most) {
    std::stable_sort(kept.begin(), kept.end(),
                     [](const PersonRow& p, const PersonRow& q) { return p.score > q.score; });
    kept.resize(most);
  }
  out.counts[image] = static_cast<std::int32_t>(kept.size());
  std::int32_t* rows = out.people + image * out.max_people * keypoints;
  std::fill_n(rows, static_cast<std::int64_t>(out.max_people) * keypoints, -1);
  std::fill_n(out.scores + image * out.max_people, out.max_people, 0.0f);
  std::fill_n(out.parts + image * out.max_people, out.max_people, 0);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::copy(kept[i].peaks.begin(), kept[i].peaks.end(),
              rows + static_cast<std::int64_t>(i) * keypoints);
    const std::int64_t at = image * out.max_people + static_cast<std::int64_t>(i);
    out.scores[at] = static_cast<float>(kept[i].score);
    out.parts[at] = kept[i].parts;
  }
}

void write_pairs(const std::vector<Pair>& pairs, std::int64_t row, int max_peaks,
                 const AssociationView& out) {
  std::fill_n(out.pairs + row * max_peaks * 2, static_cast<std::int64_t>(max_peaks) * 2, -1);
  std::fill_n(out.pair_scores + row * max_peaks, max_peaks, 0.0f);
  // The global rule may use a peak in several pairs of a limb only when they belong to one person,
  // which a limb's two slots forbid: max_peaks is room enough for either rule.
  const std::size_t count = std::min(pairs.size(), static_cast<std::size_t>(max_peaks));
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t at = row * max_peaks + static_cast<std::int64_t>(i);
    out.pairs[2 * at] = pairs[i].a;
    out.pairs[2 * at + 1] = pairs[i].b;
    out.pair_scores[at] = pairs[i].score;
  }
  out.pair_counts[row] = static_cast<std::int32_t>(count);
}

}  // namespace

void associate_cpu(const PeakSetView& peaks, const std::vector<ScaleMaps>& fields, int channels,
                   const LimbsView& limbs, const AssociateOptions& options,
                   const AssociationView& out) {
  const FieldSampler sampler(fields);
  std::vector<std::vector<Pair>> pairs(static_cast<std::size_t>(peaks.images * limbs.count));
  parallel_for(peaks.images * limbs.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / limbs.count;
      const int limb = static_cast<int>(i % limbs.count);
      std::vector<Pair>& found = pairs[static_cast<std::size_t>(i)];
      find_pairs(peaks, sampler, channels, limbs, options, image, limb, found);
      if (options.matching == Matching::kLimbs) {
        const std::int32_t* counts = peaks.counts + image * peaks.keypoints;
        keep_best_pairs(counts[limbs.parts[2 * limb]], counts[limbs.parts[2 * limb + 1]], found);
      }
    }
  });
  parallel_for(peaks.images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      const auto first = pairs.begin() + static_cast<std::ptrdiff_t>(image * limbs.count);
      std::vector<std::vector<Pair>> own(std::make_move_iterator(first),
                                         std::make_move_iterator(first + limbs.count));
      const PeakScores scores{peaks.scores + image * peaks.keypoints * peaks.max_peaks,
                              peaks.max_peaks};
      std::vector<PersonRow> people =
          options.matching == Matching::kLimbs
              ? assemble_by_limbs(own, scores, peaks.keypoints, limbs, options.classic_conflicts)
              : assemble_globally(own, scores, peaks.keypoints, limbs, options.peak_weight);
      write_people(people, options, peaks.keypoints, image, out);
      for (int limb = 0; limb < limbs.count; ++limb) {
        write_pairs(own[static_cast<std::size_t>(limb)], image * limbs.count + limb,
                    peaks.max_peaks, out);
      }
    }
  });
}

}  // namespace heatpose
