#pragma once

// 8-connected components of the masks of many planes. A warp labels the components of one tile of
// 14x14 pixels in registers; then tiles are nodes of a forest, joined over their edges, and what
// the nodes hold is added up at the roots.
//
// Every result is the same in every run: a node's sum is taken in a fixed order, and nodes are
// added as integers, for which the order does not matter.

#include <cmath>
#include <cstdint>

#include "common/component_rule.h"
#include "common/tile_axis.h"
#include "cuda/block.h"

namespace heatpose {

/// The nodes of the planes of one group. Where a tile has no pixel above the threshold only its
/// count is written.
struct ComponentTiles {
  int rows, columns;                // tiles of a plane
  int most;                         // components that a tile has room for
  std::int32_t* counts;             // [planes, tiles] components of each
  std::uint32_t* edges;             // [planes, tiles, 16], see Edge
  std::int32_t *parents, *firsts;   // [planes, tiles, most]; nodes count from 0 in each plane
  double* sums;                     // a node's own
  std::uint64_t *totals, *highest;  // those of the component are gathered at its root

  HEATPOSE_METHOD int tiles() const { return rows * columns; }
  HEATPOSE_METHOD ComponentTiles plane(std::int64_t index) const {
    const std::int64_t tile = index * tiles(), node = tile * most;
    ComponentTiles result = *this;
    result.counts += tile;
    result.edges += tile * 16;
    result.parents += node;
    result.firsts += node;
    result.sums += node;
    result.totals += node;
    result.highest += node;
    return result;
  }
};

/// Word i of a tile's edges has the component (from 1 on, 0 for none) of four pixels.
enum class Edge : int { kTop = 0, kBottom = 1, kLeft = 2, kRight = 3 };

HEATPOSE_DEVICE int edge_label(const std::uint32_t* edges, int position, Edge edge) {
  return static_cast<int>(edges[position] >> (8 * static_cast<int>(edge)) & 0xffu);
}

/// Spreads `bits` over the runs of `mask` that they lie in; both 14 bits wide.
HEATPOSE_DEVICE std::uint32_t fill_runs(std::uint32_t bits, std::uint32_t mask) {
  std::uint32_t left = mask, right = mask;
  HEATPOSE_UNROLL
  for (int step = 1; step < kTileInner; step *= 2) {
    bits |= (left & bits << step) | (right & bits >> step);
    left &= left << step;
    right &= right >> step;
  }
  return bits;
}

/// The component of a mask that holds its first pixel; lane r has row r, and rows from 14 on are
/// empty.
HEATPOSE_DEVICE std::uint32_t first_component(std::uint32_t mask, std::uint32_t rows) {
  std::uint32_t found = lane_index() == find_first(rows) ? mask & (0u - mask) : 0u;
  for (;;) {
    found = fill_runs(found, mask);
    // Lanes wrap around: the last row is empty.
    const std::uint32_t near = shuffle(found, (lane_index() + kWarp - 1) % kWarp) |
                               shuffle(found, (lane_index() + 1) % kWarp);
    const std::uint32_t grown = (near | near << 1 | near >> 1) & mask & ~found;
    if (warp_ballot(grown != 0) == 0) return found;
    found |= grown;
  }
}

/// Writes the nodes of a tile. Lane r holds row r of its mask; `values` are its pixels, `stride` a
/// row; pixel (0, 0) of the tile is `place` in raster order on a canvas of `width`. A value that is
/// not a number (finite cells can overflow) adds nothing and ranks below all others.
HEATPOSE_DEVICE void label_tile(const ComponentTiles& plane, int tile, std::uint32_t mask,
                                const float* values, int stride, int place, int width) {
  const int lane = lane_index();
  std::uint32_t labels = 0;  // a word of the edges
  int count = 0;
  for (std::uint32_t rows = warp_ballot(mask != 0); rows != 0; rows = warp_ballot(mask != 0)) {
    const int node = tile * plane.most + count++;
    const std::uint32_t own = first_component(mask, rows);
    const auto mark = [&](std::uint32_t pixel, Edge edge) {
      if (pixel & 1u) labels |= static_cast<std::uint32_t>(count) << (8 * static_cast<int>(edge));
    };
    mark(shuffle(own, 0) >> lane, Edge::kTop);
    mark(shuffle(own, kTileInner - 1) >> lane, Edge::kBottom);
    mark(own, Edge::kLeft);
    mark(own >> (kTileInner - 1), Edge::kRight);
    double sum = 0.0;
    std::uint64_t highest = 0;
    for (std::uint32_t left = own; left != 0; left &= left - 1) {
      const int x = find_first(left);
      const float value = values[lane * stride + x];
      const bool finite = value - value == 0.0f;
      if (finite) sum += static_cast<double>(value);
      const std::uint64_t ranked =
          rank(finite ? value : NAN, static_cast<std::uint32_t>(place + lane * width + x));
      highest = ranked > highest ? ranked : highest;
    }
    sum = warp_reduce(sum, [](double a, double b) { return a + b; });
    highest = warp_reduce(highest, [](std::uint64_t a, std::uint64_t b) { return a > b ? a : b; });
    if (lane == find_first(rows)) {
      plane.parents[node] = node;
      plane.firsts[node] = place + lane * width + find_first(own);
      plane.sums[node] = sum;
      plane.totals[node] = 0;
      plane.highest[node] = highest;
    }
    mask &= ~own;
  }
  if (lane < 16 && count > 0) plane.edges[tile * std::int64_t{16} + lane] = labels;
  if (lane == 0) plane.counts[tile] = count;
}

/// The root of a node, whose path is halved on the way. Others may join trees meanwhile: a link is
/// only ever replaced by one to an earlier node of the same tree.
HEATPOSE_DEVICE int find_root(std::int32_t* parents, int node) {
  const volatile std::int32_t* up = parents;
  for (;;) {
    const int parent = up[node];
    if (parent == node) return node;
    const int grandparent = up[parent];
    if (grandparent == parent) return parent;
    atomic_min(parents + node, grandparent);
    node = grandparent;
  }
}

/// Joins the trees of two nodes; the earlier root stays one.
HEATPOSE_DEVICE void join(std::int32_t* parents, int a, int b) {
  for (;;) {
    a = find_root(parents, a);
    b = find_root(parents, b);
    if (a == b) return;
    if (a < b) {
      const int earlier = a;
      a = b;
      b = earlier;
    }
    const int before = atomic_min(parents + a, b);
    if (before == a) return;
    a = before;  // no longer a root: what it was linked to has yet to be joined
  }
}

/// Joins the components of a tile to those that touch it above and on the left, and at the corners
/// above; a warp's work. Half a warp takes an edge: its lanes 1 to 14 a pixel each, 0 and 15 the
/// corners.
HEATPOSE_DEVICE void join_edges(const ComponentTiles& plane, int tile) {
  if (plane.counts[tile] == 0) return;
  const int lane = lane_index(), at = lane % 16;
  const bool above = lane < 16, inner = at >= 1 && at <= kTileInner;
  const auto node_at = [&](int of, int position, Edge edge) {
    const int label = edge_label(plane.edges + of * std::int64_t{16}, position, edge);
    return label == 0 ? -1 : of * plane.most + label - 1;
  };
  const int own = inner ? node_at(tile, at - 1, above ? Edge::kTop : Edge::kLeft) : -1;
  const int y = tile / plane.columns - (above ? 1 : 0);
  const int x = tile % plane.columns + (!above || at == 0 ? -1 : inner ? 0 : 1);
  int other = -1;
  if (y >= 0 && x >= 0 && x < plane.columns && (above || inner)) {
    const int neighbour = y * plane.columns + x;
    const int position = at == 0 ? kTileInner - 1 : inner ? at - 1 : 0;
    if (plane.counts[neighbour] > 0) {
      other = node_at(neighbour, position, above ? Edge::kBottom : Edge::kRight);
    }
  }
  const int own_before = shuffle(own, (lane + kWarp - 1) % kWarp);
  const int before = shuffle(other, (lane + kWarp - 1) % kWarp);
  const int after = shuffle(other, (lane + 1) % kWarp);
  if (own < 0) return;
  // A run of pixels joins what lies opposite its first one; what begins opposite a later one lies
  // diagonally before it. (A pixel beside a corner is the first of its tile.)
  const int opposite = other >= 0 ? other : before;
  if (own_before < 0 && opposite >= 0) join(plane.parents, own, opposite);
  if (other < 0 && after >= 0) join(plane.parents, own, after);
}

/// A power of two by which `count` numbers of at most `most` can be multiplied so that their sum
/// stays below 2^62.
HEATPOSE_DEVICE double fixed_point(double most, int count) {
  int exponent, bits = 0;
  frexp(most, &exponent);
  while (count >> bits != 0) ++bits;
  return ldexp(1.0, 62 - bits - exponent);
}

/// The highest pixel, as its rank(), of the component of a plane with the largest sum, once tiles
/// are joined; 0 where there is none. A block's work; every thread gets the result. Sums are exact
/// to 2^-62 of the largest node times the number of nodes.
HEATPOSE_DEVICE std::uint64_t pick_heaviest(const ComponentTiles& plane) {
  const auto each_node = [&](auto body) {
    for (int tile = thread_index(); tile < plane.tiles(); tile += block_threads()) {
      const int begin = tile * plane.most, end = begin + plane.counts[tile];
      for (int node = begin; node < end; ++node) body(node);
    }
  };
  const auto larger = [](auto a, auto b) { return a > b ? a : b; };
  int count = 0;
  double most = 0.0;
  each_node([&](int node) {
    ++count;
    most = larger(most, fabs(plane.sums[node]));
  });
  count = block_reduce(count, [](int a, int b) { return a + b; });
  const double scale = fixed_point(block_reduce(most, larger), count);

  each_node([&](int node) {
    const int root = find_root(plane.parents, node);
    const auto sum = static_cast<std::int64_t>(rint(plane.sums[node] * scale));
    atomic_add(plane.totals + root, static_cast<std::uint64_t>(sum));
    if (root == node) return;
    atomic_max(plane.highest + root, plane.highest[node]);
    atomic_min(plane.firsts + root, plane.firsts[node]);
  });
  sync_block();

  constexpr int kNone = 0x7fffffff;
  std::int64_t heaviest = INT64_MIN;
  int first = kNone;
  std::uint64_t highest = 0;
  each_node([&](int node) {
    const auto total = static_cast<std::int64_t>(plane.totals[node]);
    if (plane.parents[node] != node || !ahead(total, plane.firsts[node], heaviest, first)) return;
    heaviest = total;
    first = plane.firsts[node];
    highest = plane.highest[node];
  });
  const std::int64_t all_heaviest = block_reduce(heaviest, larger);
  if (heaviest != all_heaviest) first = kNone;
  const int all_first = block_reduce(first, [](int a, int b) { return a < b ? a : b; });
  return block_reduce(first == all_first ? highest : 0, larger);
}

}  // namespace heatpose
