#include "bindings/bind.h"
#include "bindings/scales.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "Native ops of heatpose. Checks types and layouts only; use heatpose.ops.";
  heatpose::bind_runtime(m);
  heatpose::bind_scale_tables(m);
  heatpose::bind_associate(m);
  heatpose::bind_average_flipped(m);
  heatpose::bind_decode_hand_maps(m);
  heatpose::bind_decode_heatmaps(m);
  heatpose::bind_find_peaks(m);
  heatpose::bind_gaussian_smooth(m);
  heatpose::bind_grid_people(m);
  heatpose::bind_peaks_from_cells(m);
  heatpose::bind_prepare_image(m);
  heatpose::bind_resize_average(m);
  heatpose::bind_warp_crops(m);
}
