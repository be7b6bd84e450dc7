"""Numbers of peaks and sizes of maps at which the CUDA kernels of the peak ops change their way.

Lists of peaks are sorted in three ways by their length, and a plane with more than 2048 peaks is
searched twice; maps are read in blocks of 4096 pixels; a row of more than 128 tiles is cut, and the
bounds of more than 4900 columns of cells have no room. The answers are those of the reference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose import ops, reference
from peak_parity import compare, random_maps

SIDE = 144


def planted(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Maps with so many peaks each, no two of which touch, and scores of a few levels."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((len(counts), SIDE, SIDE), np.float32)
    ys, xs = np.divmod(np.arange((SIDE // 2) ** 2), SIDE // 2)
    for plane, count in zip(maps, counts, strict=True):
        chosen = rng.permutation(len(ys))[:count]
        plane[2 * ys[chosen], 2 * xs[chosen]] = rng.integers(1, 40, count) / 16
    return maps, (rng.integers(-8, 8, maps.shape) / 8).astype(np.float32)


COUNTS = [0, 1, 2, 3, 31, 255, 256, 257, 1000, 2047, 2048, 2049, 3000, 5184]


@pytest.mark.parametrize("max_peaks", [1, 7, 300, 1024, 1025, 3000, 6000])
def test_any_number_of_peaks(max_peaks: int) -> None:
    maps, scores = planted(COUNTS)
    want = reference.find_peaks(maps, score_maps=scores, max_peaks=max_peaks)
    got = ops.find_peaks(maps, score_maps=scores, max_peaks=max_peaks)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))
    # At stride 1 and without smoothing a pixel is a cell, and its score is its value.
    options: dict[str, Any] = {"stride": 1, "sigma": 0, "max_peaks": max_peaks}
    want = reference.find_peaks(maps, max_peaks=max_peaks)
    got = ops.peaks_from_cells(maps, (SIDE, SIDE), **options)
    for mine, theirs in zip(got, want, strict=True):
        np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


def test_every_pixel_a_peak() -> None:
    maps = np.full((2, 61, 83), 0.5, np.float32)
    maps[1, :30] = 1.0
    for max_peaks in (100, 5063):
        options: dict[str, Any] = {"ties": "all", "connectivity": 8, "max_peaks": max_peaks}
        want = reference.find_peaks(maps, **options)
        for got in (
            ops.find_peaks(maps, **options),
            ops.peaks_from_cells(maps, (61, 83), stride=1, sigma=0, **options),
        ):
            for mine, theirs in zip(got, want, strict=True):
                np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


def test_scores_that_are_not_finite_rank_lowest() -> None:
    maps, scores = planted([40, 3000])
    scores[:, ::4] = np.nan
    scores[:, 2::8] = -np.inf
    scores[:, 6::16] = np.inf
    for max_peaks in (5, 30, 2000):
        want = reference.find_peaks(maps, score_maps=scores, max_peaks=max_peaks)
        got = ops.find_peaks(maps, score_maps=scores, max_peaks=max_peaks)
        for mine, theirs in zip(got, want, strict=True):
            np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shape", [(3, 101, 97), (2, 64, 128), (5, 3, 4099)], ids=str)
def test_maps_of_several_blocks(shape: tuple[int, ...], dtype: type) -> None:
    maps: np.ndarray = np.random.default_rng(0).normal(0, 1, shape).astype(dtype)
    for threshold in (-1.0, 1.0, 2.5):
        for view in (maps, maps[1:]):
            want = reference.find_peaks(view, threshold=threshold, max_peaks=900)
            got = ops.find_peaks(view, threshold=threshold, max_peaks=900)
            for mine, theirs in zip(got, want, strict=True):
                np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


@pytest.mark.parametrize("shape", [(0, 4, 4), (2, 0, 4), (2, 4, 0), (2, 0, 0)], ids=str)
def test_maps_without_pixels(shape: tuple[int, ...]) -> None:
    got = ops.find_peaks(np.zeros(shape, np.float32), max_peaks=3)
    assert got.xy.shape == (shape[0], 3, 2)
    for array in got:
        assert not array.any()


def test_rows_of_many_tiles() -> None:
    assert compare(random_maps((4, 130), channels=1), (20, 2000), sigma=1).peaks > 100


def test_many_columns_of_cells() -> None:
    maps = random_maps((3, 2500), (5, 2500), channels=1)
    assert compare(maps, (9, 301), stride=1, sigma=1).peaks > 10


@pytest.mark.parametrize("refine", ["centroid", "taylor"])
def test_refinement_of_many_peaks(refine: str) -> None:
    maps, _ = planted([5184, 17])
    options: dict[str, Any] = {"stride": 1, "sigma": 0, "max_peaks": 50, "refine": refine}
    got = ops.peaks_from_cells(maps, (SIDE, SIDE), **options)
    want = reference.peaks_from_cells(maps, (SIDE, SIDE), **options)
    assert got.overflow.tolist() == [True, False]
    np.testing.assert_allclose(got.xy, want[0], atol=1e-3)
