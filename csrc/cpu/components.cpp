#include "cpu/components.h"

#include <algorithm>

#include "common/component_rule.h"

namespace heatpose {

void Components::clear() {
  runs_.clear();
  parent_.clear();
  row_ = -2;
  row_begin_ = above_ = above_end_ = 0;
}

int Components::root(int run) {
  while (parent_[static_cast<std::size_t>(run)] != run) {
    int& up = parent_[static_cast<std::size_t>(run)];
    up = parent_[static_cast<std::size_t>(up)];
    run = up;
  }
  return run;
}

void Components::add(const Run& run) {
  const int index = static_cast<int>(runs_.size());
  if (run.y != row_) {
    const bool adjacent = run.y == row_ + 1;
    above_ = adjacent ? row_begin_ : index;
    above_end_ = index;
    row_ = run.y;
    row_begin_ = index;
  }
  runs_.push_back(run);
  parent_.push_back(index);
  const auto join = [&](int other) {
    // The smaller index stays the root, so that a component's root is its first run.
    const int a = root(index), b = root(other);
    parent_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
  };
  if (index > row_begin_ && runs_[static_cast<std::size_t>(index - 1)].last + 1 == run.first) {
    join(index - 1);
  }
  while (above_ < above_end_ && runs_[static_cast<std::size_t>(above_)].last + 1 < run.first) {
    ++above_;
  }
  // The last run touched may also touch the next one of this row: it is not passed.
  for (int i = above_; i < above_end_; ++i) {
    if (runs_[static_cast<std::size_t>(i)].first > run.last + 1) break;
    join(i);
  }
}

const Components::Run* Components::heaviest_peak() {
  if (runs_.empty()) return nullptr;
  std::vector<double> sums(runs_.size(), 0.0);
  std::vector<int> best(runs_.size(), -1);
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const auto at = static_cast<std::size_t>(root(static_cast<int>(i)));
    sums[at] += runs_[i].sum;
    const int run = static_cast<int>(i);
    if (best[at] < 0 ||
        ahead(runs_[i].best, run, runs_[static_cast<std::size_t>(best[at])].best, best[at])) {
      best[at] = run;
    }
  }
  std::size_t heaviest = 0;  // the first run is always a root
  for (std::size_t i = 1; i < runs_.size(); ++i) {
    if (parent_[i] != static_cast<int>(i)) continue;
    if (ahead(sums[i], i, sums[heaviest], heaviest)) heaviest = i;
  }
  return &runs_[static_cast<std::size_t>(best[heaviest])];
}

}  // namespace heatpose
