#include "bindings/bind.h"
#include "bindings/cuda_argument.h"
#include "bindings/tensor.h"
#include "heatpose/grid_people.h"

namespace py = pybind11;

namespace heatpose {
namespace {

constexpr int kMostSize = 1 << 20;

GridPeaks read_peaks(const Tensor& counts, std::int64_t max_peaks, Place place) {
  counts.check_shape("counts", {-1, -1});
  GridPeaks peaks;
  peaks.images = counts.size(0);
  peaks.keypoints = checked_int("keypoints", counts.size(1), 0, 1 << 16);
  peaks.max_peaks = checked_int("max_peaks", max_peaks, 0, 1 << 14);
  peaks.counts = counts.data<std::int32_t>("counts", place);
  return peaks;
}

/// The limbs' entries have been checked: what lies on a device cannot be looked at.
GridLimbs read_limbs(const Tensor& limbs, Place place) {
  limbs.check_shape("limbs", {-1, 2});
  GridLimbs view;
  view.count = checked_int("limbs", limbs.size(0), 0, 1 << 14);
  view.parts = limbs.data<std::int32_t>("limbs", place);
  return view;
}

}  // namespace

void bind_grid_people(py::module_& m) {
  m.def(
      "refine_peaks",
      [](const Tensor& xy, const Tensor& counts, const Tensor& maps, const Tensor& places,
         int reach, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        xy.check_shape("xy", {-1, -1, -1, 2});
        const GridPeaks peaks = read_peaks(counts, xy.size(2), place);
        xy.check_shape("xy", {peaks.images, peaks.keypoints, peaks.max_peaks, 2});
        maps.check_shape("maps", {peaks.images, peaks.keypoints, -1, -1});
        places.check_shape("places", xy.shape());
        const int height = checked_int("height", maps.size(2), 0, kMostSize);
        const int width = checked_int("width", maps.size(3), 0, kMostSize);
        checked_int("reach", reach, 0, kMostSize);
        const float* in = maps.data<float>("maps", place);
        const std::int32_t* pixels = xy.data<std::int32_t>("xy", place);
        float* out = places.mutable_data<float>("places", place);
        const py::gil_scoped_release release;
        if (device) {
          refine_peaks_cuda(in, height, width, peaks, pixels, reach, out, device.call());
        } else {
          refine_peaks_cpu(in, height, width, peaks, pixels, reach, out);
        }
      },
      py::arg("xy"), py::arg("counts"), py::arg("maps"), py::arg("places"), py::kw_only(),
      py::arg("reach"), py::arg("cuda") = py::none());

  m.def(
      "score_pairs",
      [](const Tensor& places, const Tensor& counts, const Tensor& pafs, const Tensor& limbs,
         const Tensor& paf_channels, const Tensor& scores, int samples, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        places.check_shape("places", {-1, -1, -1, 2});
        const GridPeaks peaks = read_peaks(counts, places.size(2), place);
        places.check_shape("places", {peaks.images, peaks.keypoints, peaks.max_peaks, 2});
        GridLimbs view = read_limbs(limbs, place);
        paf_channels.check_shape("paf_channels", {view.count, 2});
        view.channels = paf_channels.data<std::int32_t>("paf_channels", place);
        pafs.check_shape("pafs", {peaks.images, -1, -1, -1});
        const int channels = checked_int("channels", pafs.size(1), 0, 1 << 16);
        const int height = checked_int("height", pafs.size(2), 0, kMostSize);
        const int width = checked_int("width", pafs.size(3), 0, kMostSize);
        scores.check_shape("scores", {peaks.images, view.count, peaks.max_peaks, peaks.max_peaks});
        checked_int("samples", samples, 1, kMostSize);
        const float* fields = pafs.data<float>("pafs", place);
        const float* shares = places.data<float>("places", place);
        float* out = scores.mutable_data<float>("scores", place);
        const py::gil_scoped_release release;
        if (device) {
          score_pairs_cuda(fields, channels, height, width, peaks, shares, view, samples, out,
                           device.call());
        } else {
          score_pairs_cpu(fields, channels, height, width, peaks, shares, view, samples, out);
        }
      },
      py::arg("places"), py::arg("counts"), py::arg("pafs"), py::arg("limbs"),
      py::arg("paf_channels"), py::arg("scores"), py::kw_only(), py::arg("samples"),
      py::arg("cuda") = py::none());

  m.def(
      "assign_pairs",
      [](const Tensor& scores, const Tensor& counts, const Tensor& limbs, const Tensor& partners,
         float threshold, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        scores.check_shape("scores", {-1, -1, -1, -1});
        const GridPeaks peaks = read_peaks(counts, scores.size(3), place);
        const GridLimbs view = read_limbs(limbs, place);
        scores.check_shape("scores", {peaks.images, view.count, peaks.max_peaks, peaks.max_peaks});
        partners.check_shape("partners", {peaks.images, view.count, 2, peaks.max_peaks});
        const float* in = scores.data<float>("scores", place);
        std::int32_t* out = partners.mutable_data<std::int32_t>("partners", place);
        const py::gil_scoped_release release;
        if (device) {
          assign_pairs_cuda(in, peaks, view, threshold, out, device.call());
        } else {
          assign_pairs_cpu(in, peaks, view, threshold, out);
        }
      },
      py::arg("scores"), py::arg("counts"), py::arg("limbs"), py::arg("partners"), py::kw_only(),
      py::arg("threshold"), py::arg("cuda") = py::none());

  m.def(
      "connect_peaks",
      [](const Tensor& partners, const Tensor& counts, const Tensor& limbs, const Tensor& people,
         const Tensor& person_counts, const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        partners.check_shape("partners", {-1, -1, 2, -1});
        const GridPeaks peaks = read_peaks(counts, partners.size(3), place);
        const GridLimbs view = read_limbs(limbs, place);
        partners.check_shape("partners", {peaks.images, view.count, 2, peaks.max_peaks});
        people.check_shape("people", {peaks.images, -1, peaks.keypoints});
        const int most = checked_int("max_people", people.size(1), 0, kMostSize);
        person_counts.check_shape("person_counts", {peaks.images});
        const std::int32_t* in = partners.data<std::int32_t>("partners", place);
        std::int32_t* out = people.mutable_data<std::int32_t>("people", place);
        std::int32_t* out_counts = person_counts.mutable_data<std::int32_t>("person_counts", place);
        const py::gil_scoped_release release;
        if (device) {
          connect_peaks_cuda(in, peaks, view, most, out, out_counts, device.call());
        } else {
          connect_peaks_cpu(in, peaks, view, most, out, out_counts);
        }
      },
      py::arg("partners"), py::arg("counts"), py::arg("limbs"), py::arg("people"),
      py::arg("person_counts"), py::kw_only(), py::arg("cuda") = py::none());

  m.def(
      "grid_people",
      [](const Tensor& heatmaps, const Tensor& pafs, const Tensor& limbs,
         const Tensor& paf_channels, const Tensor& xy, const Tensor& scores, const Tensor& counts,
         const Tensor& overflow, const Tensor& places, const Tensor& people,
         const Tensor& person_counts, float threshold, int reach, int samples, float link_threshold,
         const py::object& cuda) {
        const CudaArgument device(cuda);
        const Place place = device.place();
        heatmaps.check_shape("heatmaps", {-1, -1, -1, -1});
        const std::int64_t images = heatmaps.size(0);
        GridMaps maps;
        maps.images = images;
        maps.keypoints = checked_int("keypoints", heatmaps.size(1), 0, 1 << 16);
        maps.height = checked_int("height", heatmaps.size(2), 0, kMostSize);
        maps.width = checked_int("width", heatmaps.size(3), 0, kMostSize);
        pafs.check_shape("pafs", {images, -1, maps.height, maps.width});
        maps.channels = checked_int("channels", pafs.size(1), 0, 1 << 16);
        maps.heatmaps = heatmaps.data<float>("heatmaps", place);
        maps.fields = pafs.data<float>("pafs", place);
        GridLimbs view = read_limbs(limbs, place);
        paf_channels.check_shape("paf_channels", {view.count, 2});
        view.channels = paf_channels.data<std::int32_t>("paf_channels", place);
        xy.check_shape("xy", {images, maps.keypoints, -1, 2});
        const int most = checked_int("max_peaks", xy.size(2), 1, 1 << 14);
        scores.check_shape("scores", {images, maps.keypoints, most});
        counts.check_shape("counts", {images, maps.keypoints});
        overflow.check_shape("overflow", {images, maps.keypoints});
        places.check_shape("places", xy.shape());
        people.check_shape("people", {images, -1, maps.keypoints});
        person_counts.check_shape("person_counts", {images});
        PeakOptions peak_options;
        peak_options.threshold = threshold;
        peak_options.ties = Ties::kAll;
        peak_options.max_peaks = most;
        peak_options.reach = checked_int("reach", reach, 0, kMostSize);
        peak_options.inclusive = peak_options.keep_first = true;
        const GridOptions options{reach, checked_int("samples", samples, 1, kMostSize),
                                  link_threshold,
                                  checked_int("max_people", people.size(1), 0, kMostSize)};
        const PeaksView found{xy.mutable_data<std::int32_t>("xy", place),
                              scores.mutable_data<float>("scores", place),
                              counts.mutable_data<std::int32_t>("counts", place),
                              overflow.mutable_data<std::uint8_t>("overflow", place)};
        const GridPeopleView out{places.mutable_data<float>("places", place),
                                 people.mutable_data<std::int32_t>("people", place),
                                 person_counts.mutable_data<std::int32_t>("person_counts", place)};
        const py::gil_scoped_release release;
        if (device) {
          grid_people_cuda(maps, peak_options, options, view, found, out, device.call());
        } else {
          grid_people_cpu(maps, peak_options, options, view, found, out);
        }
      },
      py::arg("heatmaps"), py::arg("pafs"), py::arg("limbs"), py::arg("paf_channels"),
      py::arg("xy"), py::arg("scores"), py::arg("counts"), py::arg("overflow"), py::arg("places"),
      py::arg("people"), py::arg("person_counts"), py::kw_only(), py::arg("threshold"),
      py::arg("reach"), py::arg("samples"), py::arg("link_threshold"),
      py::arg("cuda") = py::none());
}

}  // namespace heatpose
