#pragma once

namespace heatpose {}  // namespace heatpose
