#pragma once

#include <string>
#include <vector>

namespace heatpose {

/// Threads that one op may use, the caller's included. At least 1.
int num_threads();
void set_num_threads(int threads);

/// Names of the vector units that this build has code for and this processor can run,
/// narrowest first; "baseline" is always among them.
std::vector<std::string> vector_units();
std::string vector_unit();
/// Throws std::invalid_argument for a name that is not in vector_units().
void set_vector_unit(const std::string& name);

struct CudaStatus {
  bool compiled = false;
  int runtime_version = 0;  ///< 13000 for CUDA 13.0; 0 when not compiled in
  int driver_version = 0;   ///< 0 when there is no driver
  int device_count = 0;
  std::string reason;  ///< why no device can be used; empty when one can
};
CudaStatus cuda_status();

}  // namespace heatpose
