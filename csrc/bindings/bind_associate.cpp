#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/scales.h"
#include "bindings/tensor.h"
#include "heatpose/associate.h"

namespace py = pybind11;

namespace heatpose {
namespace {

AssociateOptions read_options(const py::dict& fields) {
  AssociateOptions o;
  o.pair.samples = checked_int("samples", py::cast<std::int64_t>(fields["samples"]), 1, 256);
  o.pair.adaptive = py::cast<bool>(fields["adaptive"]);
  o.pair.endpoint = py::cast<bool>(fields["endpoint"]);
  o.pair.rounding = static_cast<Rounding>(py::cast<int>(fields["rounding"]));
  o.pair.point_threshold = py::cast<float>(fields["point_threshold"]);
  o.pair.point_ratio = py::cast<float>(fields["point_ratio"]);
  o.pair.mean_of_counted = py::cast<bool>(fields["mean_of_counted"]);
  o.pair.min_norm = py::cast<float>(fields["min_norm"]);
  o.pair.norm_offset = py::cast<float>(fields["norm_offset"]);
  o.pair.length_penalty = py::cast<bool>(fields["length_penalty"]);
  o.pair.near_score = py::cast<float>(fields["near_score"]);
  o.matching = static_cast<Matching>(py::cast<int>(fields["matching"]));
  o.classic_conflicts = py::cast<bool>(fields["classic_conflicts"]);
  o.peak_weight = py::cast<float>(fields["peak_weight"]);
  o.min_parts = py::cast<int>(fields["min_parts"]);
  o.min_score = py::cast<float>(fields["min_score"]);
  return o;
}

/// Indices that would read outside an array are a caller's mistake, never a crash.
void check_range(const char* name, const std::int32_t* values, std::int64_t count, int limit) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (values[i] < 0 || values[i] >= limit) {
      throw py::value_error(std::string(name) + " must be between 0 and " +
                            std::to_string(limit - 1) + ", got " + std::to_string(values[i]));
    }
  }
}

}  // namespace

void bind_associate(py::module_& m) {
  m.def(
      "associate",
      [](const Tensor& xy, const Tensor& scores, const Tensor& counts, const py::sequence& fields,
         int canvas_height, int canvas_width, int enlarge, int resize, const Tensor& limbs,
         const Tensor& paf_channels, const Tensor& starts, const py::dict& options,
         const Tensor& people, const Tensor& person_scores, const Tensor& person_parts,
         const Tensor& person_counts, const Tensor& overflow, const Tensor& pairs,
         const Tensor& pair_scores, const Tensor& pair_counts, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        const Search search =
            read_scales(fields, {canvas_height, canvas_width, enlarge, resize}, place);
        xy.check_shape("peaks.xy", {-1, -1, -1, 2});
        const std::int64_t images = xy.size(0), keypoints = xy.size(1), max_peaks = xy.size(2);
        scores.check_shape("peaks.scores", {images, keypoints, max_peaks});
        counts.check_shape("peaks.counts", {images, keypoints});
        limbs.check_shape("limbs", {-1, 2});
        const std::int64_t count = limbs.size(0);
        paf_channels.check_shape("paf_channels", {count, 2});
        starts.check_shape("starts", {count});
        const std::int64_t planes = search.planes;
        if (images == 0 ? planes != 0 : planes % images != 0) {
          throw py::value_error("pafs must hold as many images as peaks");
        }
        const int channels = images == 0 ? 0 : static_cast<int>(planes / images);
        people.check_shape("people", {images, -1, keypoints});
        const std::int64_t most = people.size(1);
        person_scores.check_shape("person_scores", {images, most});
        person_parts.check_shape("person_parts", {images, most});
        person_counts.check_shape("person_counts", {images});
        overflow.check_shape("overflow", {images});
        pairs.check_shape("pairs", {images, count, max_peaks, 2});
        pair_scores.check_shape("pair_scores", {images, count, max_peaks});
        pair_counts.check_shape("pair_counts", {images, count});

        PeakSetView peaks;
        peaks.images = images;
        peaks.keypoints = checked_int("keypoints", keypoints, 0, 1 << 16);
        peaks.max_peaks = checked_int("max_peaks", max_peaks, 1, 1 << 24);
        if (xy.dtype() == DType::kInt32) {
          peaks.whole_xy = xy.data<std::int32_t>("peaks.xy", place);
        } else {
          peaks.xy = xy.data<float>("peaks.xy", place);
        }
        peaks.scores = scores.data<float>("peaks.scores", place);
        peaks.counts = counts.data<std::int32_t>("peaks.counts", place);
        LimbsView limb_view;
        limb_view.count = checked_int("limbs", count, 0, 1 << 16);
        limb_view.parts = limbs.data<std::int32_t>("limbs", place);
        limb_view.channels = paf_channels.data<std::int32_t>("paf_channels", place);
        limb_view.starts = starts.data<std::uint8_t>("starts", place);
        if (!device) {  // what lies on a device cannot be looked at: the caller has checked the
                        // limbs
          check_range("peaks.counts", peaks.counts, images * keypoints, peaks.max_peaks + 1);
          check_range("limbs", limb_view.parts, 2 * count, peaks.keypoints);
          if (images > 0) check_range("paf_channels", limb_view.channels, 2 * count, channels);
        }
        AssociationView out;
        out.max_people = checked_int("max_people", most, 1, 1 << 24);
        out.people = people.mutable_data<std::int32_t>("people", place);
        out.scores = person_scores.mutable_data<float>("person_scores", place);
        out.parts = person_parts.mutable_data<std::int32_t>("person_parts", place);
        out.counts = person_counts.mutable_data<std::int32_t>("person_counts", place);
        out.overflow = overflow.mutable_data<std::uint8_t>("overflow", place);
        out.pairs = pairs.mutable_data<std::int32_t>("pairs", place);
        out.pair_scores = pair_scores.mutable_data<float>("pair_scores", place);
        out.pair_counts = pair_counts.mutable_data<std::int32_t>("pair_counts", place);
        const AssociateOptions settings = read_options(options);
        const std::int32_t* tables =
            device ? device.tables(search.scales, associate_tables()) : nullptr;
        const py::gil_scoped_release release;
        if (device) {
          associate_cuda(peaks, search.scales, tables, channels, limb_view, settings, out,
                         device.call());
        } else {
          associate_cpu(peaks, search.scales, channels, limb_view, settings, out);
        }
      },
      py::arg("xy"), py::arg("scores"), py::arg("counts"), py::arg("fields"), py::kw_only(),
      py::arg("canvas_height"), py::arg("canvas_width"), py::arg("enlarge"), py::arg("resize"),
      py::arg("limbs"), py::arg("paf_channels"), py::arg("starts"), py::arg("options"),
      py::arg("people"), py::arg("person_scores"), py::arg("person_parts"),
      py::arg("person_counts"), py::arg("overflow"), py::arg("pairs"), py::arg("pair_scores"),
      py::arg("pair_counts"), py::arg("cuda") = py::none());
}

}  // namespace heatpose
