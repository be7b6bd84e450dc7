#pragma once

// What the tests of this folder need around their kernels.

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <memory>

#include "cuda/launch.h"

namespace heatpose {

inline std::atomic<int> checked{0}, failed{0};

#define EXPECT(condition)                                                           \
  do {                                                                              \
    ++heatpose::checked;                                                            \
    if (!(condition) && ++heatpose::failed <= 20) {                                 \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
    }                                                                               \
  } while (false)

inline CudaCall call() {
  CudaCall made;
  made.allocate = [](std::size_t) -> void* { return nullptr; };
  return made;
}

#ifdef HEATPOSE_HOST_BLOCKS

/// An array that kernels may use.
template <typename T>
class Array {
 public:
  explicit Array(std::size_t count) : values_(new T[count]) {}
  T* data() const { return values_.get(); }
  T& operator[](std::size_t i) const { return values_[i]; }

 private:
  std::unique_ptr<T[]> values_;
};

inline void finish() {}

#else

inline void check(cudaError_t error) {
  if (error != cudaSuccess) fail_launch("a test", cudaGetErrorString(error));
}

template <typename T>
class Array {
 public:
  explicit Array(std::size_t count) {
    check(cudaMallocManaged(reinterpret_cast<void**>(&values_), count * sizeof(T)));
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { cudaFree(values_); }
  T* data() const { return values_; }
  T& operator[](std::size_t i) const { return values_[i]; }

 private:
  T* values_ = nullptr;
};

inline void finish() { check(cudaDeviceSynchronize()); }

#endif

}  // namespace heatpose
