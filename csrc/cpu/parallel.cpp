#include "cpu/parallel.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "common/fork_safe_mutex.h"
#include "heatpose/runtime.h"

namespace heatpose {
namespace {

struct Job {
  detail::RangeFunction function = nullptr;
  void* context = nullptr;
  std::int64_t count = 0;
  std::int64_t grain = 1;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  void work() {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        function(context, begin, std::min(begin + grain, count));
      } catch (...) {
        const std::lock_guard<std::mutex> lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(count, std::memory_order_relaxed);
      }
    }
  }
};

thread_local bool inside_job = false;

/// Workers that sleep between jobs. One job at a time: a caller that finds the pool busy does its
/// work alone, which is what two callers on a full machine would come to anyway.
class Pool {
 public:
  explicit Pool(int wanted) : wanted_(wanted), owner_(getpid()) {
    threads_.reserve(static_cast<std::size_t>(wanted));
    try {
      for (int i = 0; i < wanted; ++i) threads_.emplace_back([this] { loop(); });
    } catch (const std::system_error&) {
      // No more threads are to be had; with fewer the answer is the same.
    }
  }

  ~Pool() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int wanted() const { return wanted_; }
  bool forked() const { return owner_ != getpid(); }

  /// Runs the job on the caller and on as many as `helpers` workers. A worker that wakes up when
  /// all ranges are taken is not waited for.
  void run(Job& job, std::int64_t helpers) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      ++generation_;
      helpers = std::min<std::int64_t>(helpers, static_cast<std::int64_t>(threads_.size()));
      open_ = helpers;
    }
    for (std::int64_t i = 0; i < helpers; ++i) wake_.notify_one();
    inside_job = true;
    job.work();
    inside_job = false;
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = 0;
    idle_.wait(lock, [this] { return working_ == 0; });
    job_ = nullptr;
  }

 private:
  void loop() {
    inside_job = true;
    std::uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      if (open_ == 0) continue;
      --open_;
      ++working_;
      Job* job = job_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--working_ == 0) idle_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  std::uint64_t generation_ = 0;
  std::int64_t open_ = 0;     // workers that may still join the job
  std::int64_t working_ = 0;  // workers that did
  bool stop_ = false;
  int wanted_;
  pid_t owner_;
};

std::atomic<int> wanted_threads{0};
ForkSafeMutex& pool_mutex = *new ForkSafeMutex;
Pool* pool = nullptr;  // never destroyed at exit: workers may outlive static destruction

/// The pool with `workers` threads; the caller holds pool_mutex.
Pool& pool_of(int workers) {
  if (pool != nullptr && pool->forked()) pool = nullptr;  // its threads stayed in the parent
  if (pool != nullptr && pool->wanted() != workers) {
    delete pool;
    pool = nullptr;
  }
  if (pool == nullptr) pool = new Pool(workers);
  return *pool;
}

}  // namespace

int num_threads() {
  int threads = wanted_threads.load(std::memory_order_relaxed);
  if (threads == 0) {
    threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    wanted_threads.store(threads, std::memory_order_relaxed);
  }
  return threads;
}

void set_num_threads(int threads) {
  if (threads < 1 || threads > 1024) {
    throw std::invalid_argument("threads must be between 1 and 1024, got " +
                                std::to_string(threads));
  }
  wanted_threads.store(threads, std::memory_order_relaxed);
}

namespace detail {

void parallel_ranges(std::int64_t count, std::int64_t grain, RangeFunction function,
                     void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const int threads = num_threads();
  if (threads > 1 && count > grain && !inside_job) {
    const std::unique_lock<ForkSafeMutex> lock(pool_mutex, std::try_to_lock);
    if (lock.owns_lock()) {
      Job job;
      job.function = function;
      job.context = context;
      job.count = count;
      job.grain = grain;
      const std::int64_t ranges = (count + grain - 1) / grain;
      pool_of(threads - 1).run(job, ranges - 1);
      if (job.error) std::rethrow_exception(job.error);
      return;
    }
  }
  for (std::int64_t begin = 0; begin < count; begin += grain) {
    function(context, begin, std::min(begin + grain, count));
  }
}

}  // namespace detail
}  // namespace heatpose
