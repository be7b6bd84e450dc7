#include "cpu/assemble.h"

#include <algorithm>

#include "common/person_rule.h"

namespace heatpose {
namespace {

PersonRow new_person(int keypoints, int a, int b, const Pair& pair, const PeakScores& peaks) {
  PersonRow person;
  person.peaks.assign(static_cast<std::size_t>(keypoints), -1);
  person.peaks[static_cast<std::size_t>(a)] = pair.a;
  person.peaks[static_cast<std::size_t>(b)] = pair.b;
  person.score = new_person_score(peaks.at(a, pair.a), peaks.at(b, pair.b), pair.score);
  person.parts = 2;
  return person;
}

bool share_a_part(const PersonRow& p, const PersonRow& q) {
  for (std::size_t k = 0; k < p.peaks.size(); ++k) {
    if (p.peaks[k] >= 0 && q.peaks[k] >= 0) return true;
  }
  return false;
}

void merge(PersonRow& into, const PersonRow& from, const Pair& pair) {
  for (std::size_t k = 0; k < into.peaks.size(); ++k) {
    if (from.peaks[k] >= 0) into.peaks[k] = from.peaks[k];
  }
  into.score = united_score(into.score, from.score, pair.score);
  into.parts += from.parts;
}

/// The slot of a keypoint takes a peak, if it is free.
void join(PersonRow& person, int keypoint, int peak, const Pair& pair, const PeakScores& peaks) {
  std::int32_t& slot = person.peaks[static_cast<std::size_t>(keypoint)];
  if (slot >= 0) return;
  slot = peak;
  person.parts += 1;
  person.score = grown_score(person.score, peaks.at(keypoint, peak), pair.score);
}

/// The second slot takes the pair's second peak, whatever was there.
void overwrite(PersonRow& person, int b, const Pair& pair, const PeakScores& peaks) {
  person.peaks[static_cast<std::size_t>(b)] = pair.b;
  person.parts += 1;
  person.score = grown_score(person.score, peaks.at(b, pair.b), pair.score);
}

}  // namespace

std::vector<PersonRow> assemble_by_limbs(const std::vector<std::vector<Pair>>& pairs,
                                         const PeakScores& peaks, int keypoints,
                                         const LimbsView& limbs, bool classic) {
  std::vector<PersonRow> people;
  for (int limb = 0; limb < limbs.count; ++limb) {
    const int a = limbs.parts[2 * limb], b = limbs.parts[2 * limb + 1];
    for (const Pair& pair : pairs[static_cast<std::size_t>(limb)]) {
      std::size_t match[2] = {0, 0};
      int matches = 0;
      for (std::size_t i = 0; i < people.size(); ++i) {
        if (people[i].peaks[static_cast<std::size_t>(a)] == pair.a ||
            people[i].peaks[static_cast<std::size_t>(b)] == pair.b) {
          if (matches < 2) match[matches] = i;
          ++matches;
        }
      }
      if (matches == 0) {
        if (limbs.starts[limb]) people.push_back(new_person(keypoints, a, b, pair, peaks));
      } else if (matches == 1) {
        PersonRow& person = people[match[0]];
        if (classic) {
          if (person.peaks[static_cast<std::size_t>(b)] != pair.b)
            overwrite(person, b, pair, peaks);
        } else if (person.peaks[static_cast<std::size_t>(a)] == pair.a) {
          join(person, b, pair.b, pair, peaks);
        } else {
          join(person, a, pair.a, pair, peaks);
        }
      } else if (matches == 2) {
        if (!share_a_part(people[match[0]], people[match[1]])) {
          merge(people[match[0]], people[match[1]], pair);
          people.erase(people.begin() + static_cast<std::ptrdiff_t>(match[1]));
        } else if (classic) {
          overwrite(people[match[0]], b, pair, peaks);
        }
      }
    }
  }
  return people;
}

std::vector<PersonRow> assemble_globally(std::vector<std::vector<Pair>>& pairs,
                                         const PeakScores& peaks, int keypoints,
                                         const LimbsView& limbs, float peak_weight) {
  std::vector<RankedPair> order;
  for (int limb = 0; limb < limbs.count; ++limb) {
    const int a = limbs.parts[2 * limb], b = limbs.parts[2 * limb + 1];
    for (const Pair& pair : pairs[static_cast<std::size_t>(limb)]) {
      const double rank =
          pair_rank(pair.score, peaks.at(a, pair.a), peaks.at(b, pair.b), peak_weight);
      order.push_back({rank, limb, pair});
    }
  }
  std::sort(order.begin(), order.end(), ranks_before);
  for (std::vector<Pair>& limb_pairs : pairs) limb_pairs.clear();

  std::vector<PersonRow> people;
  std::vector<bool> gone;
  // Which person a peak belongs to.
  std::vector<int> owner(
      static_cast<std::size_t>(keypoints) * static_cast<std::size_t>(peaks.max_peaks), -1);
  const auto owner_of = [&](int keypoint, int peak) -> int& {
    return owner[static_cast<std::size_t>(keypoint) * static_cast<std::size_t>(peaks.max_peaks) +
                 static_cast<std::size_t>(peak)];
  };
  for (const RankedPair& item : order) {
    const int a = limbs.parts[2 * item.limb], b = limbs.parts[2 * item.limb + 1];
    int& of_a = owner_of(a, item.pair.a);
    int& of_b = owner_of(b, item.pair.b);
    bool used = false;
    if (of_a < 0 && of_b < 0) {
      of_a = of_b = static_cast<int>(people.size());
      people.push_back(new_person(keypoints, a, b, item.pair, peaks));
      gone.push_back(false);
      used = true;
    } else if (of_a < 0 || of_b < 0) {
      const int person = of_a < 0 ? of_b : of_a;
      const int keypoint = of_a < 0 ? a : b;
      const int peak = of_a < 0 ? item.pair.a : item.pair.b;
      PersonRow& row = people[static_cast<std::size_t>(person)];
      used = row.peaks[static_cast<std::size_t>(keypoint)] < 0;
      if (used) {
        join(row, keypoint, peak, item.pair, peaks);
        (of_a < 0 ? of_a : of_b) = person;
      }
    } else if (of_a == of_b) {
      people[static_cast<std::size_t>(of_a)].score += static_cast<double>(item.pair.score);
      used = true;
    } else {
      const int keep = std::min(of_a, of_b), drop = std::max(of_a, of_b);
      PersonRow& into = people[static_cast<std::size_t>(keep)];
      PersonRow& from = people[static_cast<std::size_t>(drop)];
      used = !share_a_part(into, from);
      if (used) {
        for (int k = 0; k < keypoints; ++k) {
          const int peak = from.peaks[static_cast<std::size_t>(k)];
          if (peak >= 0) owner_of(k, peak) = keep;
        }
        merge(into, from, item.pair);
        gone[static_cast<std::size_t>(drop)] = true;
      }
    }
    if (used) pairs[static_cast<std::size_t>(item.limb)].push_back(item.pair);
  }
  std::vector<PersonRow> left;
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (!gone[i]) left.push_back(std::move(people[i]));
  }
  return left;
}

}  // namespace heatpose
