#pragma once

#include <cstdint>
#include <vector>

namespace heatpose {

/// 8-connected components of a mask that is given run by run in raster order. Each run brings the
/// sum of a map over its pixels and the first of its largest values.
class Components {
 public:
  struct Run {
    int y, first, last;  // pixels, inclusive
    double sum;
    float best;
    int best_x;
  };

  void clear();
  void add(const Run& run);

  /// The run that holds the largest value of the component with the largest sum; null when there
  /// is none. Of equal sums, and of equal values, the first in raster order.
  const Run* heaviest_peak();

 private:
  int root(int run);

  std::vector<Run> runs_;
  std::vector<int> parent_;
  int row_ = -2;       // the row that runs are added to
  int row_begin_ = 0;  // its first run
  int above_ = 0;      // first run of the row above that a later run can still touch
  int above_end_ = 0;
};

}  // namespace heatpose
