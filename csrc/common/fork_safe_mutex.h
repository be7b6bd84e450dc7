#pragma once

#include <mutex>

namespace heatpose {

/// A mutex that a forked child finds unlocked: a fork waits until it can hold all of them, and both
/// sides let go. For mutexes that live as long as the process (they are never unregistered).
class ForkSafeMutex : public std::mutex {
 public:
  ForkSafeMutex();
};

}  // namespace heatpose
