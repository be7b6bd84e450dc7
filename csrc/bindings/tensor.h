#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/half.h"

namespace heatpose {

enum class DType { kFloat32, kFloat16, kBFloat16, kFloat64, kUInt8, kInt32, kInt64, kBool };

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFloat32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFloat64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::kUInt8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kInt32;
};

const char* name_of(DType dtype);
std::size_t size_of(DType dtype);

/// Where the arrays of a call must lie.
struct Place {
  bool cuda = false;
  int device = 0;
};

/// DLPack's number of what counts as a CUDA device: 2, or the host's where the tests run kernels
/// there.
#ifdef HEATPOSE_HOST_BLOCKS
constexpr int kCudaDeviceType = 1;
#else
constexpr int kCudaDeviceType = 2;
#endif

/// An array that somebody else owns: NumPy through the buffer protocol (read-only ones included),
/// anything else (torch, CuPy, JAX) through DLPack. Holds a reference for as long as it lives, so
/// it must die while the GIL is held; bindings take it by const reference.
class Tensor {
 public:
  static Tensor borrow(pybind11::handle source);

  /// The elements as T, checked: `name` is the argument's name in the error. Contiguous, at
  /// `place` (on the CPU, unless said otherwise).
  template <typename T>
  const T* data(const char* name, Place place = {}) const {
    check(name, DTypeOf<T>::value, false, place);
    return static_cast<const T*>(data_);
  }
  template <typename T>
  T* mutable_data(const char* name, Place place = {}) const {
    check(name, DTypeOf<T>::value, true, place);
    return static_cast<T*>(data_);
  }
  /// The bytes of an array of any element type: contiguous, at `place`. See dtype().
  const void* raw(const char* name, Place place = {}) const;
  void* mutable_raw(const char* name, Place place = {}) const;
  /// The same for an array with any strides; see stride().
  const void* strided(const char* name, Place place) const;

  DType dtype() const { return dtype_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  std::int64_t size(int axis) const { return shape_[static_cast<std::size_t>(axis)]; }
  std::int64_t stride(int axis) const { return strides_[static_cast<std::size_t>(axis)]; }
  std::int64_t numel() const;
  const std::vector<std::int64_t>& shape() const { return shape_; }

  /// Throws ValueError unless the shape is this one; -1 stands for any size.
  void check_shape(const char* name, const std::vector<std::int64_t>& expected) const;

 private:
  void check(const char* name, DType dtype, bool writable, Place place) const;
  void check_place(const char* name, Place place) const;
  void check_contiguous(const char* name) const;

  void* data_ = nullptr;
  std::vector<std::int64_t> shape_, strides_;  // strides in elements
  DType dtype_ = DType::kFloat32;
  int device_type_ = 1;  // DLPack's numbers: 1 CPU, 2 CUDA
  int device_id_ = 0;
  bool readonly_ = false;
  pybind11::object owner_;
};

/// The element type of maps; TypeError where it is none.
CellType cell_type(const char* name, const Tensor& maps);

std::string shape_text(const std::vector<std::int64_t>& shape);

/// An argument checked to fit in int: canvas and map sizes.
int checked_int(const char* name, std::int64_t value, std::int64_t low, std::int64_t high);

}  // namespace heatpose

namespace pybind11::detail {
template <>
struct type_caster<heatpose::Tensor> {
  PYBIND11_TYPE_CASTER(heatpose::Tensor, const_name("Array"));
  bool load(handle source, bool) {
    if (!source || source.is_none()) return false;
    value = heatpose::Tensor::borrow(source);
    return true;
  }
};
}  // namespace pybind11::detail
