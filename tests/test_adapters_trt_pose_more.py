"""The trt_pose adapter's targets for training, its drawing, and what a COCO category says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heatpose.adapters.trt_pose import (  # noqa: E402
    DrawObjects,
    ParseObjects,
    coco_category_to_parts,
    coco_category_to_topology,
    plugins,
)

TOPOLOGY = torch.tensor([[0, 1, 0, 1], [2, 3, 1, 2]], dtype=torch.int32)


def places(seed: int = 0, images: int = 2, most: int = 4) -> tuple[Any, Any, Any]:
    """Counts [N, 3], peaks [N, 3, M, 2] of which some lie outside, connections [N, 2, 2, M]."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, most + 1, (images, 3))
    peaks = rng.uniform(-0.1, 1.1, (images, 3, most, 2))
    connections = np.full((images, 2, 2, most), -1)
    for n in range(images):
        for k, (a, b) in enumerate(((0, 1), (1, 2))):
            pairs = min(counts[n, a], counts[n, b])
            partners = rng.permutation(counts[n, b])[:pairs]
            connections[n, k, 0, :pairs] = partners
            connections[n, k, 1, partners] = np.arange(pairs)
    return (
        torch.from_numpy(counts.astype(np.int32)),
        torch.from_numpy(peaks.astype(np.float32)),
        torch.from_numpy(connections.astype(np.int32)),
    )


def cmap_by_loops(counts: Any, peaks: Any, size: Any, stdev: float, window: int) -> Any:
    """exp(-d^2 / stdev^2) of the nearest peak, in the cells of a square around its corner."""
    height, width = size
    maps = np.zeros((*counts.shape, height, width))
    for n, c in np.ndindex(*counts.shape):
        for y, x in peaks[n, c, : counts[n, c]].tolist():
            y, x = y * height, x * width
            low = [max(int(v - window // 2), 0) for v in (y, x)]
            high = [int(v + window // 2 + 1) for v in (y, x)]
            for i in range(low[0], min(high[0], height)):
                for j in range(low[1], min(high[1], width)):
                    away = (y - i - 0.5) ** 2 + (x - j - 0.5) ** 2
                    maps[n, c, i, j] = max(maps[n, c, i, j], math.exp(-away / stdev**2))
    return maps


def paf_by_loops(connections: Any, counts: Any, peaks: Any, size: Any, stdev: float) -> Any:
    """Unit vectors, weighted by exp(-d^2 / stdev^2) of the distance to their limb, added up."""
    height, width = size
    fields = np.zeros((len(counts), 4, height, width))
    for n, (k, (_, _, a, b)) in (
        (n, limb) for n in range(len(counts)) for limb in enumerate(TOPOLOGY.tolist())
    ):
        for one in range(int(counts[n, a])):
            other = int(connections[n, k, 0, one])
            if other < 0:
                continue
            start, end = (np.array(p) * size for p in (peaks[n, a, one], peaks[n, b, other]))
            length = np.hypot(*(end - start)) + 1e-5
            unit = (end - start) / length
            for i, j in np.ndindex(height, width):
                to = np.array([i + 0.5, j + 0.5]) - start
                along = to @ unit
                beyond = min(along, 0.0) + max(along - length, 0.0)
                aside = to[0] * unit[1] - to[1] * unit[0]
                fields[n, 2 * k : 2 * k + 2, i, j] += unit * math.exp(
                    -(beyond**2 + aside**2) / stdev**2
                )
    return fields


@pytest.mark.parametrize(("window", "stdev"), [(5, 1.0), (4, 2.5), (0, 1.0), (25, 0.7)])
def test_cmaps_are_bells_in_a_window(window: int, stdev: float) -> None:
    counts, peaks, _ = places()
    made = plugins.generate_cmap(counts, peaks, 11, 14, stdev, window)
    assert made.dtype == torch.float32 and made.shape == (2, 3, 11, 14)
    want = cmap_by_loops(counts.numpy(), peaks.numpy(), (11, 14), stdev, window)
    # A cell at the end of the window may be in or out where float32 rounds its place.
    np.testing.assert_allclose(made, want, atol=2e-6)


def test_pafs_are_unit_vectors_that_fade() -> None:
    counts, peaks, connections = places(1, images=3)
    made = plugins.generate_paf(connections, TOPOLOGY, counts, peaks, 9, 12, 1.5)
    assert made.dtype == torch.float32 and made.shape == (3, 4, 9, 12)
    want = paf_by_loops(connections, counts.numpy(), peaks.numpy(), (9, 12), 1.5)
    assert np.abs(want).max() > 0.5
    np.testing.assert_allclose(made, want, atol=2e-5)


def test_the_topology_says_which_channel_lies_along_the_rows() -> None:
    counts, peaks, connections = places(1)
    turned = TOPOLOGY[:, [1, 0, 2, 3]]
    one = plugins.generate_paf(connections, TOPOLOGY, counts, peaks, 9, 12, 1.5)
    other = plugins.generate_paf(connections, turned, counts, peaks, 9, 12, 1.5)
    assert torch.equal(one[:, [1, 0, 3, 2]], other)


def test_what_is_drawn_is_parsed_again() -> None:
    counts = torch.tensor([[2, 2, 2]], dtype=torch.int32)
    peaks = torch.zeros(1, 3, 5, 2)
    peaks[0, :, :2] = torch.tensor(
        [[[0.2, 0.2], [0.2, 0.7]], [[0.5, 0.25], [0.5, 0.75]], [[0.8, 0.2], [0.8, 0.8]]]
    )
    peaks[0, :, :2] += 0.01  # not the corner of four cells, which would be four peaks
    connections = torch.full((1, 2, 2, 5), -1, dtype=torch.int32)
    connections[0, :, :, :2] = torch.arange(2, dtype=torch.int32)
    cmap = plugins.generate_cmap(counts, peaks, 40, 40, 2.0, 10)
    paf = plugins.generate_paf(connections, TOPOLOGY, counts, peaks, 40, 40, 2.0)
    found, objects, refined = ParseObjects(TOPOLOGY, max_num_parts=5)(cmap, paf)
    assert found.tolist() == [2]
    assert objects[0, :2].tolist() == [[0, 0, 0], [1, 1, 1]]
    np.testing.assert_allclose(refined[0, :, :2], peaks[0, :, :2], atol=0.01)


def test_nobody_makes_empty_targets() -> None:
    counts, peaks, connections = places()
    counts = torch.zeros_like(counts)
    assert not plugins.generate_cmap(counts, peaks, 6, 7, 1.0, 5).any()
    assert not plugins.generate_paf(connections, TOPOLOGY, counts, peaks, 6, 7, 1.0).any()
    none = torch.zeros(0, 3, 4, 2)
    empty = plugins.generate_cmap(counts[:0], none, 6, 7, 1.0, 5)
    assert empty.shape == (0, 3, 6, 7)
    empty = plugins.generate_paf(connections[:0], TOPOLOGY, counts[:0], none, 6, 7, 1.0)
    assert empty.shape == (0, 4, 6, 7)


COUNTS, PEAKS, CONNECTIONS = places()
BAD = [
    (plugins.generate_cmap, (COUNTS, PEAKS, 0, 7, 1.0, 5), ValueError, "height must be"),
    (plugins.generate_cmap, (COUNTS, PEAKS, 6, 7.5, 1.0, 5), TypeError, "width must be"),
    (plugins.generate_cmap, (COUNTS, PEAKS, 6, 7, 0, 5), ValueError, "stdev must be"),
    (plugins.generate_cmap, (COUNTS, PEAKS, 6, 7, 1.0, -1), ValueError, "window must be"),
    (plugins.generate_cmap, (COUNTS, PEAKS[0], 6, 7, 1.0, 5), ValueError, "peaks must have 4"),
    (plugins.generate_cmap, (COUNTS, PEAKS.int(), 6, 7, 1.0, 5), TypeError,
     "peaks must be floats"),
    (plugins.generate_cmap, (COUNTS + 9, PEAKS, 6, 7, 1.0, 5), ValueError,
     "counts must be from 0 to 4"),
    (plugins.generate_cmap, (COUNTS[:1], PEAKS, 6, 7, 1.0, 5), ValueError, "counts must have"),
    (plugins.generate_cmap, (COUNTS, PEAKS * float("nan"), 6, 7, 1.0, 5), ValueError,
     "peaks must be finite"),
    (plugins.generate_cmap, ([[1]], PEAKS, 6, 7, 1.0, 5), TypeError, "counts must be a torch"),
    (plugins.generate_paf, (CONNECTIONS + 9, TOPOLOGY, COUNTS, PEAKS, 6, 7, 1.0), ValueError,
     "connections must be below"),
    (plugins.generate_paf, (CONNECTIONS[:, :1], TOPOLOGY, COUNTS, PEAKS, 6, 7, 1.0), ValueError,
     "connections must have shape"),
    (plugins.generate_paf, (CONNECTIONS, TOPOLOGY + 1, COUNTS, PEAKS, 6, 7, 1.0), ValueError,
     "topology must name parts below 3"),
    (plugins.generate_paf, (CONNECTIONS, TOPOLOGY * 2, COUNTS, PEAKS, 6, 7, 1.0), ValueError,
     "topology must"),
    (plugins.generate_paf, (CONNECTIONS, TOPOLOGY, COUNTS, PEAKS, 6, 7, float("nan")), ValueError,
     "stdev must be"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "arguments", "error", "message"), BAD)
def test_bad_targets(
    function: Any, arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        function(*arguments)


# ---- drawing, and COCO's categories --------------------------------------------------------------


def test_people_are_drawn_into_the_picture() -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    objects = torch.tensor([[[0, 0, -1], [1, -1, 0], [-1, -1, -1]]], dtype=torch.int32)
    peaks = torch.zeros(1, 3, 2, 2)
    peaks[0, 0, 0], peaks[0, 1, 0] = torch.tensor([0.25, 0.25]), torch.tensor([0.75, 0.25])
    peaks[0, 0, 1], peaks[0, 2, 0] = torch.tensor([0.1, 0.9]), torch.tensor([0.9, 0.9])
    draw = DrawObjects(TOPOLOGY)
    assert draw(picture, torch.tensor([2]), objects, peaks) is None
    assert picture[30, 20].tolist() == [0, 255, 0]
    assert not picture[:, 60:].any()  # a limb needs both of its ends
    before = picture.copy()
    draw(picture, torch.tensor([0]), objects, peaks)
    np.testing.assert_array_equal(picture, before)
    with pytest.raises(TypeError, match="image must be"):
        draw(picture.astype(float), torch.tensor([0]), objects, peaks)


def test_a_category_tells_topology_and_parts() -> None:
    category = {"keypoints": ["nose", "neck", "hip"], "skeleton": [[1, 2], [2, 3]]}
    topology = coco_category_to_topology(category)
    assert topology.dtype == torch.int32 and torch.equal(topology, TOPOLOGY)
    assert coco_category_to_parts(category) == ["nose", "neck", "hip"]
    assert coco_category_to_topology({"keypoints": ["a"], "skeleton": []}).shape == (0, 4)
    with pytest.raises(ValueError, match="skeleton"):
        coco_category_to_topology({"keypoints": ["a"]})
    with pytest.raises(ValueError, match="keypoints"):
        coco_category_to_parts({"skeleton": []})
    with pytest.raises(ValueError, match="from 1 to 3"):
        coco_category_to_topology({"keypoints": ["a", "b", "c"], "skeleton": [[0, 2]]})


# ---- bad input of what parses --------------------------------------------------------------------


def test_nan_and_nobody_and_no_pictures() -> None:
    parse = ParseObjects(TOPOLOGY)
    cmap, paf = torch.full((1, 3, 5, 6), float("nan")), torch.full((1, 4, 5, 6), float("nan"))
    counts, objects, peaks = parse(cmap, paf)
    assert counts.tolist() == [0] and (objects == -1).all() and not peaks.any()
    counts, objects, peaks = parse(torch.zeros(0, 3, 5, 6), torch.zeros(0, 4, 5, 6))
    assert counts.shape == (0,) and objects.shape == (0, 100, 3) and peaks.shape == (0, 3, 100, 2)
    with pytest.raises((TypeError, ValueError)):
        parse([], [])
    with pytest.raises((TypeError, ValueError)):
        parse(cmap[0], paf)
    with pytest.raises((TypeError, ValueError)):
        parse(cmap.int(), paf)
    with pytest.raises(TypeError, match="topology must be whole numbers"):
        ParseObjects([])(cmap, paf)
