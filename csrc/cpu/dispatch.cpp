// Which vector unit's kernels are in use: the widest that this processor runs, or the one that the
// environment variable HEATPOSE_VECTOR_UNIT or set_vector_unit() names.

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "cpu/simd/kernels.h"
#include "heatpose/runtime.h"

namespace heatpose {

namespace baseline {
extern const Kernels kTable;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kTable;
}
namespace avx512 {
extern const Kernels kTable;
}
#endif

namespace {

#if defined(__x86_64__)
/// Half-precision conversions, which the wide units use; asked of the processor itself, because not
/// every compiler's __builtin_cpu_supports knows the name.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29 & 1u) != 0;
}
#endif

struct Unit {
  const char* name;
  const Kernels* table;
  bool (*runs_here)();
};

const Unit kUnits[] = {
    {"baseline", &baseline::kTable, [] { return true; }},
#if defined(__x86_64__)
    {"avx2", &avx2::kTable,
     [] {
       return static_cast<bool>(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) &&
              has_f16c();
     }},
    {"avx512", &avx512::kTable,
     [] {
       return static_cast<bool>(
           __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma"));
     }},
#endif
};

const Unit* find_unit(const std::string& name) {
  for (const Unit& unit : kUnits) {
    if (name == unit.name && unit.runs_here()) return &unit;
  }
  return nullptr;
}

const Unit* default_unit() {
  if (const char* name = std::getenv("HEATPOSE_VECTOR_UNIT")) {
    // An unknown name is no reason to fail at import; `heatpose info` shows what is in use.
    if (const Unit* unit = find_unit(name)) return unit;
  }
  const Unit* best = &kUnits[0];
  for (const Unit& unit : kUnits) {
    if (unit.runs_here()) best = &unit;
  }
  return best;
}

std::atomic<const Unit*>& current_unit() {
  static std::atomic<const Unit*> unit{default_unit()};
  return unit;
}

}  // namespace

const Kernels& kernels() { return *current_unit().load(std::memory_order_relaxed)->table; }

std::vector<std::string> vector_units() {
  std::vector<std::string> names;
  for (const Unit& unit : kUnits) {
    if (unit.runs_here()) names.emplace_back(unit.name);
  }
  return names;
}

std::string vector_unit() { return current_unit().load()->name; }

void set_vector_unit(const std::string& name) {
  const Unit* unit = find_unit(name);
  if (unit == nullptr) {
    std::string known;
    for (const std::string& each : vector_units()) known += (known.empty() ? "" : ", ") + each;
    throw std::invalid_argument("vector unit must be one of " + known + ", got '" + name + "'");
  }
  current_unit().store(unit);
}

}  // namespace heatpose
