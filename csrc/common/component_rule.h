#pragma once

#include <cstdint>
#include <cstring>

#include "common/macros.h"

namespace heatpose {

/// What decides between components, and between the pixels of one: the larger value wins, of equal
/// ones the first in raster order. NaN never wins.
template <typename Value, typename Place>
HEATPOSE_RULE bool ahead(Value value, Place place, Value rival, Place rival_place) {
  if (value != rival) return value > rival;
  return place < rival_place;
}

/// A finite value at a place as one number, the larger the better by ahead(); for maxima that
/// threads take at once. NaN ranks below every number.
HEATPOSE_RULE std::uint64_t rank(float value, std::uint32_t place) {
  value += 0.0f;  // -0 becomes 0: they are equal
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = value != value ? 0u : (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
  return static_cast<std::uint64_t>(bits) << 32 | (0xffffffffu - place);
}
HEATPOSE_RULE float ranked_value(std::uint64_t ranked) {
  std::uint32_t bits = static_cast<std::uint32_t>(ranked >> 32);
  bits = (bits & 0x80000000u) ? bits ^ 0x80000000u : ~bits;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
HEATPOSE_RULE std::uint32_t ranked_place(std::uint64_t ranked) {
  return 0xffffffffu - static_cast<std::uint32_t>(ranked);
}

}  // namespace heatpose
