"""The trt_pose adapter: its conventions, every bit of its rules, and what it does for bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
optimize = pytest.importorskip("scipy.optimize")

from adapter_crowds import crowds  # noqa: E402
from adapter_table import Crowds  # noqa: E402
from heatpose import demo, reference  # noqa: E402
from heatpose.adapters.trt_pose import ParseObjects, plugins  # noqa: E402
from heatpose.skeletons import COCO18  # noqa: E402

TOPOLOGY = torch.tensor(
    [
        [along_rows, along_columns, a, b]
        for (a, b), (along_columns, along_rows) in zip(
            COCO18.limbs, COCO18.paf_channels, strict=True
        )
    ],
    dtype=torch.int32,
)


def scene(*people: int, noise: float = 0.05) -> tuple[Any, Any]:
    maps = [demo.planted_crowd(n, cells=(30, 40), seed=n, noise=noise) for n in people]
    return (
        torch.from_numpy(np.stack([m[0][:18] for m in maps])),
        torch.from_numpy(np.stack([m[1] for m in maps])),
    )


def loops_peaks(cmap: Any, threshold: float, window: int, most: int) -> tuple[Any, Any]:
    """Pixel by pixel, as the rule is told."""
    images, parts = cmap.shape[:2]
    counts, peaks = np.zeros((images, parts), int), np.zeros((images, parts, most, 2), int)
    reach, level = window // 2, np.float32(threshold)
    for n, c, i, j in np.ndindex(*cmap.shape):
        value = cmap[n, c, i, j]
        if value < level or counts[n, c] == most:
            continue
        top, left = max(i - reach, 0), max(j - reach, 0)
        if (cmap[n, c, top : i + reach + 1, left : j + reach + 1] > value).any():
            continue
        peaks[n, c, counts[n, c]] = i, j
        counts[n, c] += 1
    return counts, peaks


@pytest.mark.parametrize(("window", "most"), [(5, 30), (4, 7), (1, 20), (0, 20)])
def test_peaks_are_rows_and_columns_in_raster_order(window: int, most: int) -> None:
    cmap = scene(2)[0]
    cmap[0, 0, 3:5, 3:6] = 0.75  # a plateau: all of it
    counts, peaks = plugins.find_peaks(cmap, 0.1, window, most)
    want = loops_peaks(cmap.numpy(), 0.1, window, most)
    assert (counts.dtype, peaks.dtype) == (torch.int32, torch.int32)
    np.testing.assert_array_equal(counts, want[0])
    np.testing.assert_array_equal(peaks, want[1])


def test_the_threshold_itself_is_high_enough() -> None:
    cmap = torch.zeros(1, 1, 3, 3)
    cmap[0, 0, 1, 2] = 0.1
    assert plugins.find_peaks(cmap, 0.1, 5, 4)[0].tolist() == [[1]]


def test_refined_places_are_rows_and_columns_as_shares() -> None:
    cmap = torch.zeros(1, 1, 4, 8)
    cmap[0, 0, 2, 6], cmap[0, 0, 2, 7] = 3.0, 1.0
    counts, peaks = plugins.find_peaks(cmap, 0.5, 3, 5)
    places = plugins.refine_peaks(counts, peaks, cmap, 3)
    assert places[0, 0, 0].tolist() == [2.5 / 4, 6.75 / 8]
    assert not places[0, 0, 1:].any()


def by_reference(cmap: Any, paf: Any, counts: Any, peaks: Any, most: int) -> tuple[Any, ...]:
    """Places, scores, partners, people and their numbers, of the counted peaks."""
    limbs, channels = COCO18.limbs, COCO18.paf_channels
    xy, number = np.ascontiguousarray(peaks[..., ::-1]), np.asarray(counts)
    shares = reference.refine_peaks(xy, number, cmap.numpy())
    scores = reference.score_pairs(shares, number, paf.numpy(), limbs, channels)
    partners = reference.assign_pairs(scores, number, limbs)
    people = reference.connect_peaks(partners, number, limbs, max_people=most)
    return shares[..., ::-1], scores, partners, *people


def test_the_chain_has_the_bits_of_the_reference() -> None:
    cmap, paf = scene(0, 3, 8, noise=0.02)
    counts, peaks = plugins.find_peaks(cmap, 0.1, 5, 20)
    places = plugins.refine_peaks(counts, peaks, cmap, 5)
    graph = plugins.paf_score_graph(paf, TOPOLOGY, counts, places, 7)
    connections = plugins.assignment(graph, TOPOLOGY, counts, 0.1)
    object_counts, objects = plugins.connect_parts(connections, TOPOLOGY, counts, 9)
    steps = places, graph, connections, objects, object_counts
    wanted = by_reference(cmap, paf, counts, peaks.numpy(), 9)
    for got, want in zip(steps, wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    assert object_counts[0] == 0 and object_counts[1] >= 3 and object_counts[2] >= 8

    parsed = ParseObjects(TOPOLOGY, max_num_parts=20, max_num_objects=9)(cmap, paf)
    for got, step in zip(parsed, (object_counts, objects, places), strict=True):
        assert got.dtype == step.dtype
        np.testing.assert_array_equal(got, step)


def best_pairs(scores: np.ndarray, counts: np.ndarray) -> list[float]:
    """The greatest sums of scores, of which each peak is in one, as SciPy finds them."""
    sums = []
    for limb, (a, b) in enumerate(COCO18.limbs):
        part = scores[limb, : counts[a], : counts[b]].astype(np.float64)
        sums.append(float(part[optimize.linear_sum_assignment(part, maximize=True)].sum()))
    return sums


def test_crowds_by_loops_the_reference_and_scipy() -> None:
    """Peaks pixel by pixel, then the reference; its pairs have SciPy's sums."""
    row = Crowds("trt_pose", "loops, the reference, SciPy's assignment")
    for _, heatmaps, pafs in crowds():
        cmap, paf = (torch.from_numpy(one[None]) for one in (heatmaps[:18], pafs))
        found = ParseObjects(TOPOLOGY, max_num_parts=40)(cmap, paf)
        counts, peaks = loops_peaks(cmap.numpy(), 0.1, 5, 40)
        counts, peaks = counts.astype(np.int32), peaks.astype(np.int32)
        shares, *_, people, number = by_reference(cmap, paf, counts, peaks, 100)
        same = all(
            np.array_equal(got, want)
            for got, want in zip(found, (number, people, shares), strict=True)
        )
        graph = plugins.paf_score_graph(paf, TOPOLOGY, torch.from_numpy(counts), found[2], 7)
        chosen = plugins.assignment(graph, TOPOLOGY, torch.from_numpy(counts), -1e9)[0].numpy()
        for limb, best in enumerate(best_pairs(graph[0].numpy(), counts[0])):
            first = np.nonzero(chosen[limb, 0] >= 0)[0]
            total = float(graph[0, limb].double().numpy()[first, chosen[limb, 0, first]].sum())
            same &= abs(total - best) < 1e-4
        row.add(int(number[0]), same)
    row.check()


def test_fewer_people_than_parts_may_be_asked_for() -> None:
    """Where the original wrote past its buffer."""
    cmap, paf = scene(8)
    for most in (0, 1, 3):
        counts, objects, _ = ParseObjects(TOPOLOGY, max_num_objects=most)(cmap, paf)
        assert counts.tolist() == [most]
        assert objects.shape == (1, most, 18)


def test_room_for_no_peak_at_all() -> None:
    cmap, paf = scene(2)
    counts, peaks = plugins.find_peaks(cmap, 0.1, 5, 0)
    places = plugins.refine_peaks(counts, peaks, cmap, 5)
    graph = plugins.paf_score_graph(paf, TOPOLOGY, counts, places, 7)
    connections = plugins.assignment(graph, TOPOLOGY, counts, 0.1)
    object_counts, objects = plugins.connect_parts(connections, TOPOLOGY, counts, 4)
    assert (places.shape, graph.shape) == ((1, 18, 0, 2), (1, 19, 0, 0))
    assert object_counts.tolist() == [0] and (objects == -1).all()


def test_what_does_not_count_is_left_as_it_is() -> None:
    cmap, paf = scene(3)
    counts, peaks = plugins.find_peaks(cmap, 0.1, 5, 6)
    places = plugins.refine_peaks(counts, peaks, cmap, 5)
    graph = plugins.paf_score_graph(paf, TOPOLOGY, counts, places, 7)
    connections = plugins.assignment(graph, TOPOLOGY, counts, 0.1)
    people = plugins.connect_parts(connections, TOPOLOGY, counts, 5)
    entry = torch.arange(6)
    counted = entry < counts[..., None]
    ends = counts[:, TOPOLOGY[:, 2].long()], counts[:, TOPOLOGY[:, 3].long()]
    both = (entry[:, None] < ends[0][..., None, None]) & (entry < ends[1][..., None, None])

    out_counts, out_peaks = torch.full_like(counts, 7), torch.full_like(peaks, 77)
    plugins.find_peaks_out(out_counts, out_peaks, cmap, 0.1, 5, 6)
    assert torch.equal(out_counts, counts)
    assert torch.equal(out_peaks, torch.where(counted[..., None], peaks, 77))
    out = torch.full_like(places, 77)
    plugins.refine_peaks_out(out, counts, peaks, cmap, 5)
    assert torch.equal(out, torch.where(counted[..., None], places, 77))
    out = torch.full_like(graph, 77)
    plugins.paf_score_graph_out(out, paf, TOPOLOGY, counts, places, 7)
    assert torch.equal(out, torch.where(both, graph, 77))
    out = torch.full_like(connections, -1)
    plugins.assignment_out(out, graph, TOPOLOGY, counts, 0.1)
    assert torch.equal(out, connections)
    outs = torch.full_like(people[0], 7), torch.full_like(people[1], 77)
    plugins.connect_parts_out(*outs, connections, TOPOLOGY, counts, 5)
    assert torch.equal(outs[0], people[0]) and torch.equal(outs[1], people[1])


def test_int64_strided_half_and_grad_are_taken() -> None:
    cmap, paf = scene(3)
    want = ParseObjects(TOPOLOGY)(cmap, paf)
    last = cmap.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).requires_grad_()
    got = ParseObjects(TOPOLOGY.long())(last, paf)
    for mine, theirs in zip(got, want, strict=True):
        assert torch.equal(mine, theirs) and not mine.requires_grad
    counts, peaks = plugins.find_peaks(cmap, 0.1, 5, 20)
    again = plugins.refine_peaks(counts.long(), peaks.long(), cmap, 5)
    assert torch.equal(again, plugins.refine_peaks(counts, peaks, cmap, 5))
    narrow = ParseObjects(TOPOLOGY)(cmap.half(), paf.bfloat16())
    wide = ParseObjects(TOPOLOGY)(cmap.half().float(), paf.bfloat16().float())
    assert all(torch.equal(a, b) for a, b in zip(narrow, wide, strict=True))


def test_not_a_number_is_never_a_peak() -> None:
    cmap = torch.full((1, 1, 4, 4), float("nan"))
    assert plugins.find_peaks(cmap, -1.0, 3, 5)[0].tolist() == [[0]]


COUNTS, PEAKS = torch.zeros(1, 18, dtype=torch.int32), torch.zeros(1, 18, 4, 2, dtype=torch.int32)
CMAP, PAF = torch.zeros(1, 18, 6, 8), torch.zeros(1, 38, 6, 8)
BAD = [
    (plugins.find_peaks, (CMAP.numpy(), 0.1, 5, 4), TypeError, "input must be a torch tensor"),
    (plugins.find_peaks, (CMAP[0], 0.1, 5, 4), ValueError, "input must have 4 dimensions"),
    (plugins.find_peaks, (CMAP.long(), 0.1, 5, 4), TypeError, "maps must be float32"),
    (plugins.find_peaks, (CMAP, 0.1, -1, 4), ValueError, "window_size must be between 0"),
    (plugins.find_peaks, (CMAP, 0.1, 5, -1), ValueError, "max_count must be between 0"),
    (plugins.refine_peaks, (COUNTS, PEAKS.float(), CMAP, 5), TypeError,
     "peaks must be whole numbers, got torch.float32"),
    (plugins.refine_peaks, (COUNTS + 5, PEAKS, CMAP, 5), ValueError, "counts must be from 0 to 4"),
    (plugins.paf_score_graph, (PAF, TOPOLOGY[:, :3], COUNTS, PEAKS.float(), 7), ValueError,
     r"topology must have shape \(K, 4\)"),
    (plugins.paf_score_graph, (PAF, TOPOLOGY + 1, COUNTS, PEAKS.float(), 7), ValueError,
     "limbs must be from 0 to 17"),
    (plugins.paf_score_graph, (PAF[:, :9], TOPOLOGY, COUNTS, PEAKS.float(), 7), ValueError,
     "paf_channels must be from 0 to 8"),
    (plugins.assignment, (torch.zeros(1, 19, 4, 4), TOPOLOGY.float(), COUNTS, 0.1), TypeError,
     "topology must be whole numbers"),
    (plugins.assignment, (torch.zeros(1, 3, 4, 4), TOPOLOGY, COUNTS, 0.1), ValueError,
     "one row per limb of scores"),
    (plugins.connect_parts, (torch.zeros(1, 19, 2, 4), TOPOLOGY, COUNTS, 3), TypeError,
     "connections must be whole numbers"),
    (plugins.find_peaks_out, (COUNTS, PEAKS[:, :, :3], CMAP, 0.1, 5, 4), ValueError,
     r"peaks must have shape \(1, 18, 4, 2\)"),
    (plugins.find_peaks_out, (COUNTS.long(), PEAKS, CMAP, 0.1, 5, 4), TypeError,
     "counts must be torch.int32"),
    (ParseObjects(TOPOLOGY), (CMAP, PAF[:, :, :4]), ValueError, "pafs must have the images"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "error", "message"), BAD)
def test_bad_input(
    function: Any, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(*arguments)
