#include "bindings/tensor.h"

#include <pybind11/numpy.h>

#include <stdexcept>

namespace py = pybind11;

namespace heatpose {
namespace {

// The DLPack ABI (version 0, which every exporter offers when asked for no version).
struct DLDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};
struct DLDataType {
  std::uint8_t code;  // 0 int, 1 uint, 2 float, 4 bfloat, 6 bool
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};

DType dtype_of(std::uint8_t code, std::uint8_t bits) {
  if (code == 2 && bits == 32) return DType::kFloat32;
  if (code == 2 && bits == 16) return DType::kFloat16;
  if (code == 4 && bits == 16) return DType::kBFloat16;
  if (code == 2 && bits == 64) return DType::kFloat64;
  if (code == 1 && bits == 8) return DType::kUInt8;
  if (code == 0 && bits == 32) return DType::kInt32;
  if (code == 0 && bits == 64) return DType::kInt64;
  if (code == 6 && bits == 8) return DType::kBool;
  throw py::type_error("unsupported element type (DLPack code " + std::to_string(code) + ", " +
                       std::to_string(bits) + " bits)");
}

DType dtype_of(const py::dtype& dtype) {
  const char kind = dtype.kind();
  const auto bits = static_cast<std::uint8_t>(dtype.itemsize() * 8);
  switch (kind) {
    case 'f':
      return dtype_of(2, bits);
    case 'i':
      return dtype_of(0, bits);
    case 'u':
      return dtype_of(1, bits);
    case 'b':
      return DType::kBool;
    default:
      throw py::type_error("unsupported element type " + py::str(dtype).cast<std::string>());
  }
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kFloat16:
    case DType::kBFloat16:
      return 2;
    case DType::kFloat64:
    case DType::kInt64:
      return 8;
    case DType::kUInt8:
    case DType::kBool:
      return 1;
  }
  return 1;
}

const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kFloat64:
      return "float64";
    case DType::kUInt8:
      return "uint8";
    case DType::kInt32:
      return "int32";
    case DType::kInt64:
      return "int64";
    case DType::kBool:
      return "bool";
  }
  return "unknown";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("*") : std::to_string(shape[i]));
  }
  return text + "]";
}

Tensor Tensor::borrow(py::handle source) {
  Tensor tensor;
  if (py::isinstance<py::array>(source)) {
    const auto array = py::reinterpret_borrow<py::array>(source);
    tensor.data_ = const_cast<void*>(array.data());
    tensor.dtype_ = dtype_of(array.dtype());
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
      tensor.shape_.push_back(array.shape(axis));
      const py::ssize_t item = array.itemsize();
      // A stride that is no whole number of elements can only be a view that is not contiguous.
      tensor.strides_.push_back(array.strides(axis) % item ? -1 : array.strides(axis) / item);
    }
    tensor.readonly_ = !array.writeable();
    tensor.owner_ = array;
    return tensor;
  }
  if (!py::hasattr(source, "__dlpack__")) {
    throw py::type_error("expected an array (NumPy, or with __dlpack__), got " +
                         py::str(py::type::of(source)).cast<std::string>());
  }
  // A device's exporter would make a stream of its own choice wait, which a stream that is being
  // captured may not: ops are queued on the stream that the caller has the arrays on.
  const auto where = py::cast<py::tuple>(source.attr("__dlpack_device__")());
  const py::object capsule = py::cast<int>(where[0]) == 2
                                 ? source.attr("__dlpack__")(py::arg("stream") = -1)
                                 : source.attr("__dlpack__")();
  const auto* managed =
      static_cast<const DLTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (managed == nullptr) throw py::error_already_set();
  tensor.data_ = static_cast<char*>(managed->data) + managed->byte_offset;
  if (managed->dtype.lanes != 1) throw py::type_error("vector element types are not supported");
  tensor.dtype_ = dtype_of(managed->dtype.code, managed->dtype.bits);
  tensor.device_type_ = managed->device.device_type;
  tensor.device_id_ = managed->device.device_id;
  tensor.shape_.assign(managed->shape, managed->shape + managed->ndim);
  if (managed->strides != nullptr) {
    tensor.strides_.assign(managed->strides, managed->strides + managed->ndim);
  } else {
    tensor.strides_.assign(tensor.shape_.size(), 1);
    for (std::size_t i = tensor.shape_.size(); i-- > 1;) {
      tensor.strides_[i - 1] = tensor.strides_[i] * tensor.shape_[i];
    }
  }
  // The capsule is not consumed: left named "dltensor", it frees the view itself when it goes.
  tensor.owner_ = capsule;
  return tensor;
}

std::int64_t Tensor::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape_) count *= size;
  return count;
}

void Tensor::check_place(const char* name, Place place) const {
  if (numel() != 0 && reinterpret_cast<std::uintptr_t>(data_) % size_of(dtype_) != 0) {
    throw py::value_error(std::string(name) + " must be aligned to its element size");
  }
  const int type = place.cuda ? kCudaDeviceType : 1;
  if (device_type_ != type || (place.cuda && device_id_ != place.device)) {
    throw py::value_error(std::string(name) + " must be on " +
                          (place.cuda ? "CUDA device " + std::to_string(place.device) : "the CPU") +
                          " for this operation, got device " + std::to_string(device_id_) +
                          " of DLPack's type " + std::to_string(device_type_));
  }
}

void Tensor::check_contiguous(const char* name) const {
  std::int64_t expected = 1;
  for (std::size_t i = shape_.size(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != expected && numel() != 0) {
      throw py::value_error(std::string(name) + " must be C-contiguous");
    }
    expected *= shape_[i];
  }
}

void Tensor::check(const char* name, DType dtype, bool writable, Place place) const {
  if (dtype_ != dtype) {
    throw py::type_error(std::string(name) + " must be " + name_of(dtype) + ", got " +
                         name_of(dtype_));
  }
  check_place(name, place);
  check_contiguous(name);
  if (writable && readonly_) throw py::value_error(std::string(name) + " is read-only");
}

const void* Tensor::raw(const char* name, Place place) const {
  check_place(name, place);
  check_contiguous(name);
  return data_;
}

void* Tensor::mutable_raw(const char* name, Place place) const {
  check(name, dtype_, true, place);
  return data_;
}

const void* Tensor::strided(const char* name, Place place) const {
  check_place(name, place);
  return data_;
}

void Tensor::check_shape(const char* name, const std::vector<std::int64_t>& expected) const {
  bool same = expected.size() == shape_.size();
  for (std::size_t i = 0; same && i < expected.size(); ++i) {
    same = expected[i] < 0 || expected[i] == shape_[i];
  }
  if (!same) {
    throw py::value_error(std::string(name) + " must have shape " + shape_text(expected) +
                          ", got " + shape_text(shape_));
  }
}

CellType cell_type(const char* name, const Tensor& maps) {
  switch (maps.dtype()) {
    case DType::kFloat32:
      return CellType::kFloat32;
    case DType::kFloat16:
      return CellType::kFloat16;
    case DType::kBFloat16:
      return CellType::kBFloat16;
    default:
      throw py::type_error(std::string(name) + " must be float32, float16 or bfloat16, got " +
                           name_of(maps.dtype()));
  }
}

int checked_int(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw py::value_error(std::string(name) + " must be between " + std::to_string(low) + " and " +
                          std::to_string(high) + ", got " + std::to_string(value));
  }
  return static_cast<int>(value);
}

}  // namespace heatpose
