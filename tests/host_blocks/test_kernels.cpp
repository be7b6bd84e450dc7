// Kernels that use every primitive of csrc/cuda/block.h, and what they must give. The host blocks
// (README.md) run this in tests/test_host_blocks.py; nvcc -x cu makes it a program for a device.
// An argument names a kernel that leaves its memory or waits in vain instead (test_faults.h).

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "cuda/block.h"
#include "cuda/launch.h"
#include "test_tools.h"
#ifdef HEATPOSE_HOST_BLOCKS
#include "test_faults.h"
#endif

namespace heatpose {

template <typename T>
HEATPOSE_KERNEL(1024)
sum_blocks(const T* in, T* out) {
  const std::int64_t i = block_index() * block_threads() + thread_index();
  const T sum = block_reduce(in[i], [](T a, T b) { return a + b; });
  const T most = block_reduce(in[i], [](T a, T b) { return a < b ? b : a; });
  if (thread_index() == block_threads() - 1) {
    out[2 * block_index()] = sum;
    out[2 * block_index() + 1] = most;
  }
}

template <typename T>
void test_reduce(int blocks, int threads) {
  Array<T> in(blocks * threads), out(2 * blocks);
  for (int i = 0; i < blocks * threads; ++i) in[i] = static_cast<T>(i * 7 % 31);
  launch(call(), "sum_blocks", sum_blocks<T>, blocks, threads, 0, in.data(), out.data());
  finish();
  for (int b = 0; b < blocks; ++b) {
    T sum = 0, most = 0;
    for (int t = 0; t < threads; ++t) {
      sum += in[b * threads + t];
      most = std::max(most, in[b * threads + t]);
    }
    EXPECT(out[2 * b] == sum && out[2 * b + 1] == most);
  }
}

HEATPOSE_KERNEL(1024) rank_threads(const int* in, int* ranks, int* totals) {
  const std::int64_t i = block_index() * block_threads() + thread_index();
  ranks[i] = block_exclusive_sum(in[i], &totals[i]);
  int total = 0;
  ranks[i] += block_exclusive_sum(in[i] & 1, &total);  // uses the same memory again
  totals[i] += total;
}

void test_exclusive_sum(int threads) {
  const int blocks = 5;
  Array<int> in(blocks * threads), ranks(blocks * threads), totals(blocks * threads);
  for (int i = 0; i < blocks * threads; ++i) in[i] = i * 5 % 13;
  launch(call(), "rank_threads", rank_threads, blocks, threads, 0, in.data(), ranks.data(),
         totals.data());
  finish();
  for (int b = 0; b < blocks; ++b) {
    int sum = 0;
    for (int i = b * threads; i < (b + 1) * threads; ++i) {
      EXPECT(ranks[i] == sum);
      sum += in[i] + (in[i] & 1);
    }
    for (int i = b * threads; i < (b + 1) * threads; ++i) EXPECT(totals[i] == sum);
  }
}

HEATPOSE_KERNEL(256) use_warp(int* out) {
  const int lane = lane_index(), base = 100 * warp_index();
  const std::uint32_t odd = warp_ballot((lane & 1) != 0);
  const std::uint32_t none = warp_ballot(false);
  int* const at = out + 8 * (block_index() * block_threads() + thread_index());
  at[0] = warp_rank(odd);
  at[1] = shuffle(base + lane, lane + 33);  // wraps around
  at[2] = shuffle_xor(base + lane, 5);
  at[3] = shuffle_up(base + lane, 3);
  at[4] = static_cast<int>(shuffle(static_cast<double>(base) + lane, 31 - lane));
  at[5] = static_cast<int>(
      warp_reduce(std::int64_t{1} << 40, [](std::int64_t a, std::int64_t b) { return a + b; }) >>
      40);
  sync_warp();
  at[6] = popcount(odd) + popcount(none);
  at[7] = find_first(odd) + find_first(none << 1) + find_first(0x80000000u);
}

void test_warp() {
  const int threads = 3 * 2 * 64;
  Array<int> out(8 * threads);
  launch(call(), "use_warp", use_warp, 3, 2 * 64, 0, out.data());
  finish();
  for (int t = 0; t < threads; ++t) {
    const int lane = t % 32, base = 100 * (t % 128 / 32);
    const int expected[8] = {lane / 2,
                             base + (lane + 33) % 32,
                             base + (lane ^ 5),
                             base + (lane < 3 ? lane : lane - 3),
                             base + 31 - lane,
                             32,
                             16,
                             31};
    for (int k = 0; k < 8; ++k) EXPECT(out[8 * t + k] == expected[k]);
  }
}

HEATPOSE_KERNEL(256) vote(int* out) {
  const int t = thread_index();
  for (int round = 0; round < 40; ++round) {
    const bool any = sync_block_or(round % 3 == 0 && t == round);
    const int count = sync_block_count(t < round);
    if (any != (round % 3 == 0) || count != round) atomic_add(out, 1);
  }
}

HEATPOSE_KERNEL(1024) transpose(const float* in, float* out, int side) {
  float* const tile = static_cast<float*>(dynamic_shared());
  const int x = thread_index() % side, y = thread_index() / side;
  const std::int64_t first = block_index() * block_threads();
  HEATPOSE_UNROLL
  for (int again = 0; again < 2; ++again) {
    tile[y * (side + 1) + x] = in[first + thread_index()];
    sync_block();
    out[first + thread_index()] = tile[x * (side + 1) + y];
    sync_block();
  }
}

void test_transpose() {
  const int side = 16, blocks = 7;
  Array<float> in(blocks * side * side), out(blocks * side * side);
  for (int i = 0; i < blocks * side * side; ++i) in[i] = static_cast<float>(i);
  launch(call(), "transpose", transpose, blocks, side * side, side * (side + 1) * sizeof(float),
         in.data(), out.data(), side);
  finish();
  for (int i = 0; i < blocks * side * side; ++i) {
    const int b = i / (side * side), y = i / side % side, x = i % side;
    EXPECT(out[i] == in[(b * side + x) * side + y]);
  }
}

struct Totals {
  int sum, least, most;
  std::uint64_t long_sum, long_most;
};

HEATPOSE_KERNEL_RESIDENT(128, 2) add_up(Totals* totals, Float4* wide, float* narrow, int count) {
  const int i = static_cast<int>(block_index()) * block_threads() + thread_index();
  if (i >= count) return;  // no barrier follows
  atomic_add(&totals->sum, 1);
  atomic_min(&totals->least, -i);
  atomic_max(&totals->most, i);
  atomic_add(&totals->long_sum, std::uint64_t{1} << 32);
  atomic_max(&totals->long_most, static_cast<std::uint64_t>(i) << 32);
  memory_fence();
  Float4 v = load_streaming(wide + i);
  v.x = multiply_add(v.x, 2.0f, 1.0f);
  v.w = static_cast<float>(multiply_add(3.0, 4.0, 5.0));
  store_streaming(wide + i, v);
  store_streaming(narrow + i, load_streaming(narrow + i) + 1.0f);
}

void test_atomics() {
  const int blocks = 3000, threads = 32, count = blocks * threads - 100;
  Array<Totals> totals(1);
  Array<Float4> wide(count);
  Array<float> narrow(count);
  fill_bytes(call(), totals.data(), 0, sizeof(Totals));
  for (int i = 0; i < count; ++i) wide[i] = {1.0f, 2.0f, 3.0f, 4.0f}, narrow[i] = 1.0f;
  launch(call(), "add_up", add_up, blocks, threads, 0, totals.data(), wide.data(), narrow.data(),
         count);
  launch(call(), "add_up", add_up, 0, threads, 0, totals.data(), wide.data(), narrow.data(), count);
  finish();
  EXPECT(totals[0].sum == count && totals[0].least == 1 - count && totals[0].most == count - 1);
  EXPECT(totals[0].long_sum == static_cast<std::uint64_t>(count) << 32);
  EXPECT(totals[0].long_most == static_cast<std::uint64_t>(count - 1) << 32);
  for (int i = 0; i < count; ++i) {
    EXPECT(wide[i].x == 3.0f && wide[i].y == 2.0f && wide[i].z == 3.0f && wide[i].w == 17.0f);
    EXPECT(narrow[i] == 2.0f);
  }
}

void test_votes() {
  Array<int> wrong(1);
  wrong[0] = 0;
  launch(call(), "vote", vote, 9, 256, 0, wrong.data());
  finish();
  EXPECT(wrong[0] == 0);
}

HEATPOSE_KERNEL(1024) visit(int* visits) {
  atomic_add(visits + block_index() * block_threads() + thread_index(), 1);
  sync_warp();
  sync_block();
  atomic_add(visits + block_index() * block_threads() + thread_index(),
             grid_blocks() == 37 ? 2 : 9);
}

void test_visits() {
  Array<int> visits(37 * 1024);
  fill_bytes(call(), visits.data(), 0, 37 * 1024 * sizeof(int));
  launch(call(), "visit", visit, 37, 1024, 0, visits.data());
  finish();
  for (int i = 0; i < 37 * 1024; ++i) EXPECT(visits[i] == 3);
}

void test_everything() {
  for (const int threads : {32, 64, 96, 256, 1024}) {
    test_reduce<int>(3, threads);
    test_reduce<float>(3, threads);
    test_reduce<double>(3, threads);
    test_reduce<std::uint64_t>(3, threads);
    test_exclusive_sum(threads);
  }
  test_reduce<int>(3000, 64);
  test_warp();
  test_votes();
  test_transpose();
  test_atomics();
  test_visits();
}

void test_threads() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 10; ++k) test_reduce<int>(3, 256);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace heatpose

int main(int count, char** arguments) {
#ifdef HEATPOSE_HOST_BLOCKS
  if (count > 1) return heatpose::commit_fault(arguments[1]);
  for (const char* order : {"forward", "reverse", "shuffled"}) {
    setenv("HEATPOSE_HOST_BLOCKS_ORDER", order, 1);
    heatpose::test_everything();
    heatpose::test_misuse();
    heatpose::test_everything();  // misuse leaves nothing behind
  }
  heatpose::test_orders();
  heatpose::test_launches();
  heatpose::test_junk();
#else
  static_cast<void>(count);
  static_cast<void>(arguments);
  heatpose::test_everything();
#endif
  heatpose::test_threads();
  std::printf("%d of %d checks failed\n", heatpose::failed.load(), heatpose::checked.load());
  return heatpose::failed == 0 ? 0 : 1;
}
