"""Peaks straight from the cells: the native op against the reference that makes every map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import ops, reference
from peak_parity import compare, found, random_maps

GEOMETRIES: dict[str, tuple[list[tuple[int, int]], tuple[int, int], dict[str, Any]]] = {
    "one cell": ([(1, 1)], (20, 30), {}),
    "one row": ([(1, 9)], (9, 80), {}),
    "one column": ([(9, 1)], (80, 9), {}),
    "one pixel": ([(3, 4)], (1, 1), {}),
    "two pixels": ([(3, 4)], (2, 2), {}),
    "a line of pixels": ([(5, 6)], (1, 50), {}),
    "a column of pixels": ([(5, 6)], (50, 1), {}),
    "fewer pixels than cells": ([(20, 30)], (7, 11), {}),
    "stride 1, fewer pixels": ([(40, 50)], (23, 19), {"stride": 1}),
    "stride 1, identity": ([(37, 45)], (37, 45), {"stride": 1}),
    "much larger": ([(3, 4)], (310, 450), {}),
    "stride 4": ([(9, 12)], (75, 101), {"stride": 4}),
    "odd content": ([(9, 12)], (75, 101), {"content": (67, 91)}),
    "content of one pixel": ([(9, 12)], (33, 20), {"content": (1, 1)}),
    "two scales": ([(6, 8), (12, 15)], (90, 121), {"content": [(45, 61), (91, 119)]}),
    "three scales": ([(4, 5), (7, 9), (12, 16)], (90, 121),
                     {"content": [(31, 37), (53, 70), (95, 127)], "weights": [0.5, 0.25, 0.125]}),
    "four scales": ([(4, 5), (7, 9), (12, 16), (15, 20)], (111, 140),
                    {"content": [(29, 37), (53, 70), (95, 127), (113, 153)]}),
    "a negative weight": ([(6, 8), (12, 15)], (90, 121), {"weights": [1.5, -0.5]}),
    "a weight of zero": ([(6, 8), (12, 15)], (90, 121), {"weights": [0.0, 1.0]}),
}  # fmt: skip


@pytest.mark.parametrize("sigma", [0, 1, 3, 6])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_matches_reference(name: str, sigma: float) -> None:
    sizes, canvas, options = GEOMETRIES[name]
    for connectivity in (4, 8):
        compare(random_maps(*sizes), canvas, sigma=sigma, connectivity=connectivity, **options)


@pytest.mark.parametrize("name", ["odd content", "four scales", "stride 1, identity"])
def test_matches_reference_on_every_vector_unit(vector_unit: str, name: str) -> None:
    sizes, canvas, options = GEOMETRIES[name]
    assert compare(random_maps(*sizes), canvas, sigma=1, **options).peaks > 10


def test_float32_decides_rarely() -> None:
    total = [
        compare(random_maps((46, 54), seed=seed), (321, 427), threshold=-1.0, sigma=1)
        for seed in range(4)
    ]
    peaks, near_ties = np.sum(total, axis=0)
    assert peaks > 3000
    assert near_ties <= peaks // 1000


@pytest.mark.parametrize("canvas", [13, 14, 15, 16, 27, 28, 29, 30])
def test_peaks_on_the_borders_of_tiles(canvas: int) -> None:
    # At stride 1 and without smoothing a pixel is a cell: a peak may lie on any of them.
    maps = random_maps((canvas, canvas), channels=8)[0]
    options = {"stride": 1, "sigma": 0, "threshold": -1.0, "ties": "none", "connectivity": 8}
    tally = compare(maps, (canvas, canvas), **options)
    assert tally.near_ties == 0
    assert tally.peaks > canvas * canvas // 2
    for y in range(canvas):
        single = np.zeros((canvas, canvas, canvas), np.float32)
        single[np.arange(canvas), y, np.arange(canvas)] = 1.0
        got = ops.peaks_from_cells(single, (canvas, canvas), stride=1, sigma=0, max_peaks=2)
        assert (got.counts == 1).all()
        assert got.xy[:, 0].tolist() == [[x, y] for x in range(canvas)]


@pytest.mark.parametrize("border", ["reflect", "mirror", "nearest", "constant", "wrap"])
@pytest.mark.parametrize("sigma", [1, 3])
def test_borders(border: str, sigma: float) -> None:
    for canvas in [(50, 67), (5, 8)]:  # the second is smaller than the filter
        compare(random_maps((7, 9)), canvas, sigma=sigma, border=border)


@pytest.mark.parametrize(
    "interpolation",
    ["nearest", "linear", "cubic", "area", "lanczos4", ("area", "lanczos4")],
    ids=str,
)
def test_interpolations(interpolation: str) -> None:
    for sizes, canvas in [
        ([(7, 9)], (61, 83)),
        ([(20, 21)], (37, 41)),
        ([(7, 9), (5, 4)], (40, 30)),
    ]:
        compare(random_maps(*sizes), canvas, sigma=1, interpolation=interpolation)


@pytest.mark.parametrize("ties", ["first", "all", "none"])
@pytest.mark.parametrize("connectivity", [4, 8])
def test_equal_neighbours(connectivity: int, ties: str) -> None:
    # Enlarged by repetition, cells of few levels are plateaus, exact in float32 too.
    levels = (np.random.default_rng(0).integers(-2, 6, (4, 11, 9)) / 4).astype(np.float32)
    options = {"interpolation": "nearest", "sigma": 0, "connectivity": connectivity, "ties": ties}
    tally = compare(levels, (44, 36), stride=4, threshold=0.2, **options)
    assert tally.near_ties == 0
    assert (tally.peaks > 0) == (ties != "none")
    assert compare(levels, (11, 9), stride=1, threshold=0.2, **options).near_ties == 0


@pytest.mark.parametrize("threshold", [-2.0, -0.1, 0.0, 0.1, 0.6, 2.0])
def test_thresholds(threshold: float) -> None:
    maps = random_maps((9, 12))[0]
    compare(maps, (75, 101), threshold=threshold)
    compare(maps - 1.0, (75, 101), threshold=threshold)  # outside the canvas, 0 beats the border
    compare(maps, (75, 101), threshold=threshold, border="constant", sigma=2)


def test_nothing_below_zero_is_a_peak_at_the_border() -> None:
    got = ops.peaks_from_cells(np.full((1, 1, 1), -1.0, np.float32), (1, 1), threshold=-2.0)
    assert got.counts.tolist() == [0]


def test_taps_in_place_of_the_gaussian() -> None:
    maps = random_maps((9, 12))[0]
    for taps in [(1.0,), (0.25, 0.5, 0.25), (-0.5, 2.0, -0.5), (0.1, 0.0, 0.3, 0.0, 0.2)]:
        for border in ("reflect", "constant"):
            compare(maps, (75, 101), taps=taps, border=border)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["odd content", "two scales", "stride 1, identity", "one cell"])
def test_a_pixel_that_touches_a_bad_cell_is_never_a_peak(name: str, value: float) -> None:
    sizes, canvas, options = GEOMETRIES[name]
    maps = random_maps(*sizes)
    maps[-1][0, 0, 0] = value
    maps[0][-1, sizes[0][0] // 2, sizes[0][1] // 3] = value
    for sigma in (0, 1, 3):
        compare(maps, canvas, sigma=sigma, **options)
    everything = [np.full_like(m, value) for m in maps]
    got = ops.peaks_from_cells(everything, canvas, threshold=-1.0, **options)
    assert got.counts.max() == 0


def test_a_bad_cell_does_no_harm_elsewhere() -> None:
    maps = random_maps((30, 40), channels=2)[0]
    broken = maps.copy()
    broken[0, 3, 4] = np.nan
    got, clean = (ops.peaks_from_cells(m, (240, 320), max_peaks=2048) for m in (broken, maps))
    np.testing.assert_array_equal(got.xy[1], clean.xy[1])
    far = [
        p for p in found(clean.xy[0], clean.scores[0], clean.counts[0]) if p[0] > 80 or p[1] > 80
    ]
    assert set(far) <= found(got.xy[0], got.scores[0], got.counts[0]).keys()


def test_ten_thousand_peaks() -> None:
    rng = np.random.default_rng(0)
    maps = np.zeros((1, 200, 200), np.float32)
    maps[0, ::2, ::2] = rng.uniform(0.2, 1.0, (100, 100))
    options = {"stride": 1, "sigma": 0}
    got = ops.peaks_from_cells(maps, (200, 200), max_peaks=10_000, **options)
    assert got.counts.tolist() == [10_000]
    assert not got.overflow[0]
    few = ops.peaks_from_cells(maps, (200, 200), max_peaks=37, **options)
    want = reference.peaks_from_cells(maps, (200, 200), max_peaks=37, **options)
    assert few.overflow.tolist() == [True]
    np.testing.assert_array_equal(few.xy, want[0])
    np.testing.assert_allclose(few.scores, want[1], rtol=1e-6)


def test_of_equal_scores_the_first_stay() -> None:
    maps = np.zeros((1, 1, 40), np.float32)
    maps[0, 0, ::2] = 0.5
    maps[0, 0, 30] = 0.9
    got = ops.peaks_from_cells(maps, (1, 40), stride=1, sigma=0, max_peaks=3)
    assert got.overflow.tolist() == [True]
    assert got.xy[0, :, 0].tolist() == [0, 2, 30]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_torch_in_torch_out(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    maps = torch.from_numpy(random_maps((9, 12))[0]).to(getattr(torch, dtype))
    got = ops.peaks_from_cells(maps, (75, 101))
    want = ops.peaks_from_cells(maps.float().numpy(), (75, 101))
    for mine, theirs in zip(got, want, strict=True):
        assert isinstance(mine, torch.Tensor)
        np.testing.assert_array_equal(mine.numpy(), theirs)


def test_float16_arrays() -> None:
    maps = random_maps((9, 12))[0].astype(np.float16)
    got = ops.peaks_from_cells(maps, (75, 101))
    want = ops.peaks_from_cells(maps.astype(np.float32), (75, 101))
    np.testing.assert_array_equal(got.xy, want.xy)


def test_strided_and_read_only_maps() -> None:
    maps = random_maps((30, 40), channels=6)[0]
    view = maps[::2, ::-1, 1::3]
    maps.setflags(write=False)
    got = ops.peaks_from_cells(view, (200, 150))
    want = ops.peaks_from_cells(np.ascontiguousarray(view), (200, 150))
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_batch_is_its_images() -> None:
    batch = [m.reshape(2, 3, *m.shape[-2:]) for m in random_maps((9, 12), (5, 7), channels=6)]
    got = ops.peaks_from_cells(batch, (75, 101))
    for i in range(2):
        want = ops.peaks_from_cells([m[i] for m in batch], (75, 101))
        for mine, theirs in zip(got, want, strict=True):
            np.testing.assert_array_equal(mine[i], theirs)


@pytest.mark.parametrize("shape", [(0, 4, 5), (0, 3, 4, 5), (2, 0, 4, 5)], ids=str)
def test_no_maps(shape: tuple[int, ...]) -> None:
    got = ops.peaks_from_cells(np.zeros(shape, np.float32), (30, 40), max_peaks=7)
    assert got.xy.shape == (*shape[:-2], 7, 2)
    assert got.counts.shape == shape[:-2]


def test_many_threads_give_the_same_bits(threads: None) -> None:
    maps = random_maps((23, 41), (12, 20), channels=19)
    got, again = (ops.peaks_from_cells(maps, (180, 320)) for _ in range(2))
    single = [ops.peaks_from_cells([m[c : c + 1] for m in maps], (180, 320)) for c in range(19)]
    for mine, theirs, alone in zip(got, again, zip(*single, strict=True), strict=True):
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(mine, np.concatenate(alone))


MAPS = np.zeros((2, 3, 4), np.float32)
BAD: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "not an array": (TypeError, "maps must be a NumPy array", {"maps": "maps"}),
    "a list of numbers": (TypeError, r"maps\[0\] must be a NumPy array", {"maps": [1.0]}),
    "no scale": (ValueError, "maps must hold at least one scale", {"maps": []}),
    "float64": (TypeError, "maps must be float32, float16 or bfloat16, got float64",
                {"maps": np.zeros((1, 2, 2))}),
    "integers": (TypeError, "maps must be float32", {"maps": np.zeros((1, 2, 2), np.uint8)}),
    "rank 2": (ValueError, "3 or 4 dimensions", {"maps": np.zeros((2, 2), np.float32)}),
    "no cells": (ValueError, "at least one cell", {"maps": np.zeros((2, 0, 4), np.float32)}),
    "other channels": (ValueError, r"maps\[1\] must have the leading shape",
                       {"maps": [MAPS, MAPS[:1]]}),
    "canvas of zero": (ValueError, "canvas must be", {"canvas": (0, 4)}),
    "canvas of one number": (ValueError, "canvas must be", {"canvas": 4}),
    "canvas of halves": (ValueError, "canvas must be", {"canvas": (4.5, 4)}),
    "canvas too large": (ValueError, "canvas must be", {"canvas": (1 << 21, 4)}),
    "stride": (ValueError, "stride must be between 1", {"stride": 0}),
    "stride of a half": (TypeError, "stride must be a whole number", {"stride": 0.5}),
    "content too large": (ValueError, "content must be at most", {"content": (25, 32)}),
    "content of zero": (ValueError, "content must be", {"content": (0, 32)}),
    "contents": (ValueError, "one size per scale", {"maps": [MAPS], "content": [(8, 8), (8, 8)]}),
    "weights": (ValueError, "one number per scale", {"weights": [0.5, 0.5]}),
    "nan weight": (ValueError, r"weights\[0\] must be a finite", {"weights": [np.nan]}),
    "interpolation": (ValueError, "interpolation must be one of", {"interpolation": "bicubic"}),
    "negative sigma": (ValueError, "sigma must be", {"sigma": -1.0}),
    "nan sigma": (ValueError, "sigma must be", {"sigma": np.nan}),
    "huge sigma": (ValueError, "at most 512 pixels", {"sigma": 1e6}),
    "even taps": (ValueError, "odd number of weights", {"taps": [0.5, 0.5]}),
    "nan taps": (ValueError, r"taps\[0\] must be a finite", {"taps": [np.nan]}),
    "border": (ValueError, "border must be one of", {"border": "reflect101"}),
    "nan threshold": (ValueError, "threshold must be a finite number", {"threshold": np.nan}),
    "threshold of words": (TypeError, "threshold must be a number", {"threshold": "high"}),
    "connectivity": (ValueError, "connectivity must be 4 or 8, got 6", {"connectivity": 6}),
    "ties": (ValueError, "ties must be one of first, all, none", {"ties": "best"}),
    "no room": (ValueError, "max_peaks must be between 1", {"max_peaks": 0}),
    "refine": (ValueError, "refine must be one of none, centroid, taylor", {"refine": "dark"}),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    error, message, arguments = BAD[case]
    with pytest.raises(error, match=message):
        ops.peaks_from_cells(**{"maps": MAPS, "canvas": (20, 30), **arguments})


def test_a_scale_without_weight_is_not_looked_at() -> None:
    maps = random_maps((5, 5), channels=4)[0]
    nothing = np.full_like(maps, np.nan)
    got = ops.peaks_from_cells([nothing, maps], (40, 40), weights=[0.0, 1.0])
    want = ops.peaks_from_cells(maps, (40, 40))
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    hand = ops.decode_hand_maps([nothing, maps], (40, 40), weights=[0.0, 1.0])
    np.testing.assert_array_equal(hand.coords, ops.decode_hand_maps(maps, (40, 40)).coords)
