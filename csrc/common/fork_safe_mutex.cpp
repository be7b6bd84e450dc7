#include "common/fork_safe_mutex.h"

#include <pthread.h>

#include <vector>

namespace heatpose {
namespace {

std::vector<ForkSafeMutex*>& all() {
  static auto& mutexes = *new std::vector<ForkSafeMutex*>;
  return mutexes;
}

std::mutex& registry() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

void lock_all() {
  registry().lock();
  for (ForkSafeMutex* mutex : all()) mutex->lock();
}

void unlock_all() {
  for (ForkSafeMutex* mutex : all()) mutex->unlock();
  registry().unlock();
}

}  // namespace

ForkSafeMutex::ForkSafeMutex() {
  const std::lock_guard<std::mutex> lock(registry());
  if (all().empty()) pthread_atfork(lock_all, unlock_all, unlock_all);
  all().push_back(this);
}

}  // namespace heatpose
