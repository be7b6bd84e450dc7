#include "bindings/scales.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "heatpose/associate.h"
#include "heatpose/decode_hand_maps.h"
#include "heatpose/peaks_from_cells.h"
#include "heatpose/resize_average.h"

namespace py = pybind11;

namespace heatpose {
namespace {

void place_on_canvas(ScaleMaps& scale, const Canvas& canvas, std::int64_t height,
                     std::int64_t width, int stride, const py::tuple& content) {
  scale.y.cells = checked_int("height", height, 1, 1 << 20);
  scale.x.cells = checked_int("width", width, 1, 1 << 20);
  scale.y.content = py::cast<int>(content[0]);
  scale.x.content = py::cast<int>(content[1]);
  scale.y.canvas = canvas.height;
  scale.x.canvas = canvas.width;
  for (AxisGeometry* axis : {&scale.y, &scale.x}) {
    axis->stride = stride;
    axis->enlarge = static_cast<Interpolation>(canvas.enlarge);
    axis->resize = static_cast<Interpolation>(canvas.resize);
  }
}

/// A scale that has no share in the average must not make pixels NaN either.
void drop_weightless(std::vector<ScaleMaps>& scales) {
  const auto weightless = [](const ScaleMaps& scale) { return scale.weight == 0.0f; };
  if (!std::all_of(scales.begin(), scales.end(), weightless)) {
    scales.erase(std::remove_if(scales.begin(), scales.end(), weightless), scales.end());
  }
}

/// The cells of a scale and how they lie.
void point_at(ScaleMaps& scale, const Tensor& maps, Place place) {
  if (!place.cuda) {
    scale.cells = maps.data<float>("maps");
    return;
  }
  scale.type = cell_type("maps", maps);
  scale.cells = maps.strided("maps", place);
  const int rank = maps.rank();
  scale.channels = maps.size(rank - 3);
  scale.image_stride = rank == 4 ? maps.stride(0) : 0;
  scale.channel_stride = maps.stride(rank - 3);
  scale.row_stride = maps.stride(rank - 2);
  scale.column_stride = maps.stride(rank - 1);
}

}  // namespace

Search read_scales(const py::sequence& scales, const Canvas& canvas, Place place) {
  Search result;
  if (py::len(scales) == 0) throw py::value_error("scales must not be empty");
  for (const py::handle item : scales) {
    const auto fields = py::cast<py::tuple>(item);
    result.owners.push_back(Tensor::borrow(fields[0]));
    const Tensor& maps = result.owners.back();
    std::vector<std::int64_t> expected = result.owners.front().shape();
    if (expected.size() != 3 && !(place.cuda && expected.size() == 4)) {
      throw py::value_error("maps must have 3 dimensions, got " + shape_text(expected));
    }
    std::fill(expected.end() - 2, expected.end(), -1);
    maps.check_shape("maps", expected);
    ScaleMaps scale;
    const int rank = maps.rank();
    place_on_canvas(scale, canvas, maps.size(rank - 2), maps.size(rank - 1),
                    py::cast<int>(fields[1]), py::cast<py::tuple>(fields[2]));
    point_at(scale, maps, place);
    if (maps.dtype() != result.owners.front().dtype()) {
      throw py::type_error("maps of all scales must have one element type");
    }
    scale.weight = py::cast<float>(fields[3]);
    result.scales.push_back(scale);
  }
  const Tensor& first = result.owners.front();
  result.planes = first.size(0) * (first.rank() == 4 ? first.size(1) : 1);
  drop_weightless(result.scales);
  return result;
}

void bind_scale_tables(py::module_& m) {
  m.attr("cuda_device_type") = kCudaDeviceType;
  m.def(
      "scale_tables",
      [](const std::string& op, const py::sequence& geometries, int canvas_height, int canvas_width,
         int enlarge, int resize, std::vector<double> taps, int border) {
        const Canvas canvas{canvas_height, canvas_width, enlarge, resize};
        std::vector<ScaleMaps> scales;
        for (const py::handle item : geometries) {
          const auto fields = py::cast<py::tuple>(item);
          ScaleMaps scale;
          place_on_canvas(scale, canvas, py::cast<std::int64_t>(fields[0]),
                          py::cast<std::int64_t>(fields[1]), py::cast<int>(fields[2]),
                          py::cast<py::tuple>(fields[3]));
          scale.weight = py::cast<float>(fields[4]);
          scales.push_back(scale);
        }
        drop_weightless(scales);
        const SmoothOptions smooth{std::move(taps), static_cast<Border>(border)};
        std::vector<TableSet> sets;
        if (op == "associate") sets = associate_tables();
        if (op == "decode_hand_maps") sets = decode_hand_maps_tables(smooth);
        if (op == "peaks_from_cells") sets = peaks_from_cells_tables(smooth);
        if (op == "resize_average") sets = resize_average_tables();
        if (sets.empty()) throw py::value_error("no tables for " + op);
        const ScaleTables tables = lay_out_tables(scales, sets);
        py::array_t<std::int32_t> words(tables.words);
        write_tables(tables, words.mutable_data());
        return words;
      },
      py::arg("op"), py::arg("geometries"), py::kw_only(), py::arg("canvas_height"),
      py::arg("canvas_width"), py::arg("enlarge"), py::arg("resize"), py::arg("taps"),
      py::arg("border"));
}

}  // namespace heatpose
