#pragma once

// score_pairs_row: the scores of one peak with `count` others, see mean_along(). `from` is a share
//   (x, y), `to` are `count` of them, and `shares` says where the samples lie.
#define HEATPOSE_KERNELS_GRID_PEOPLE(X)                                                    \
  X(score_pairs_row, void,                                                                 \
    (const float* field_x, const float* field_y, int height, int width, const float* from, \
     const float* to, int count, const float* shares, int samples, float* scores))
