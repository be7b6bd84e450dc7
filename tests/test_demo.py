"""The planted crowd: maps of people who are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose.demo import background, count_recovered, planted_crowd
from heatpose.results import People
from heatpose.skeletons import COCO18

CELLS, CANVAS = (46, 82), (720, 1280)


@pytest.mark.parametrize("people", [0, 1, 5, 20, 50])
def test_shapes_and_ranges(people: int) -> None:
    heatmaps, pafs, keypoints = planted_crowd(people, noise=0)
    assert heatmaps.shape == (19, *CELLS)
    assert pafs.shape == (38, *CELLS)
    assert keypoints.shape == (people, 18, 2)
    assert heatmaps.dtype == pafs.dtype == keypoints.dtype == np.float32
    assert 0 <= heatmaps.min() <= heatmaps.max() <= 1
    lengths = np.hypot(pafs[0::2], pafs[1::2])
    assert lengths.max() <= 1 + 1e-6
    np.testing.assert_allclose(heatmaps[18], 1 - heatmaps[:18].max(axis=0), atol=1e-6)
    inside = (keypoints >= 0) & (keypoints <= np.array(CANVAS[::-1]) - 1)
    assert (inside | np.isnan(keypoints)).all()


def test_heatmaps_peak_at_the_keypoints() -> None:
    heatmaps, _, keypoints = planted_crowd(5, noise=0)
    cells = (keypoints + 0.5) * (np.array(CELLS) / CANVAS)[::-1] - 0.5
    for person in cells:
        for k, (x, y) in enumerate(person):
            if not np.isnan(x):
                column, row = int(np.clip(round(x), 0, 81)), int(np.clip(round(y), 0, 45))
                want = np.exp(-0.5 * ((column - x) ** 2 + (row - y) ** 2) / (7 / 8) ** 2)
                assert heatmaps[k, row, column] >= want - 1e-5


def test_fields_point_along_the_limbs() -> None:
    _, pafs, keypoints = planted_crowd(1, noise=0)
    cells = (keypoints[0] + 0.5) * (np.array(CELLS) / CANVAS)[::-1] - 0.5
    for (a, b), (x, y) in zip(COCO18.limbs, COCO18.paf_channels, strict=True):
        if np.isnan(cells[[a, b]]).any():
            assert not pafs[[x, y]].any()
            continue
        middle = np.rint((cells[a] + cells[b]) / 2).astype(int)
        direction = (cells[b] - cells[a]) / np.hypot(*(cells[b] - cells[a]))
        np.testing.assert_allclose(pafs[[x, y], middle[1], middle[0]], direction, atol=1e-5)


def test_a_seed_names_one_crowd() -> None:
    first, again, other = planted_crowd(4), planted_crowd(4), planted_crowd(4, seed=1)
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(first[2], other[2], equal_nan=True)


def test_the_crowd_does_not_depend_on_the_maps() -> None:
    small = planted_crowd(4)
    large = planted_crowd(4, cells=(92, 164), noise=0, stride=4)
    np.testing.assert_array_equal(small[2], large[2])
    assert large[0].shape == (19, 92, 164)


def test_missing_keypoints_leave_connected_people() -> None:
    keypoints = planted_crowd(50)[2]
    found = ~np.isnan(keypoints[..., 0])
    assert 0.8 < found.mean() < 1
    assert found[:, COCO18.index("neck")].all()
    for index, (a, b) in enumerate(COCO18.limbs):
        if index not in COCO18.non_starting_limbs:
            assert (found[:, a] | ~found[:, b]).all()


def test_people_stand_apart() -> None:
    necks = planted_crowd(50)[2][:, COCO18.index("neck")]
    gaps = np.hypot(*(necks[:, None] - necks[None]).transpose(2, 0, 1)) + 1e9 * np.eye(50)
    assert gaps.min() > 3 * 8 * 720 / 368  # three cells


def test_noise_has_the_size_asked_for() -> None:
    plain, noisy = planted_crowd(3, noise=0), planted_crowd(3, noise=0.1)
    for maps in (0, 1):
        assert (noisy[maps] - plain[maps]).std() == pytest.approx(0.1, rel=0.02)


def test_recovered_keypoints_are_counted_person_by_person() -> None:
    truth = planted_crowd(2)[2]
    found = ~np.isnan(truth[..., 0])
    people = People(truth, found.astype(np.float32), np.ones(2, np.float32), COCO18, CANVAS)
    assert count_recovered(people, truth) == (found.sum(), found.sum())
    assert count_recovered(people[:1], truth) == (found[0].sum(), found.sum())
    assert count_recovered(People.empty(COCO18, CANVAS), truth) == (0, found.sum())
    moved = truth + np.float32(6)
    assert count_recovered(people, moved)[0] == 0
    assert count_recovered(people, moved, near=9)[0] == found.sum()


def test_background_is_dark_and_plain() -> None:
    image = background((72, 128))
    assert image.shape == (72, 128, 3)
    assert image.dtype == np.uint8
    assert image.max() < 70


@pytest.mark.parametrize("canvas", [(1, 1), (10, 2000), (2000, 10)], ids=str)
def test_odd_canvases(canvas: tuple[int, int]) -> None:
    heatmaps, pafs, _ = planted_crowd(3, cells=(1, 1), canvas=canvas)
    assert np.isfinite(heatmaps).all()
    assert np.isfinite(pafs).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": -1}, "people must be 0 or more, got -1"),
        ({"people": 1, "cells": (0, 5)}, "must be 1 or more"),
        ({"people": 1, "stride": 0}, "must be 1 or more"),
        ({"people": 1, "noise": -0.1}, "noise must be 0 or more"),
        ({"people": 1, "noise": float("nan")}, "noise must be 0 or more"),
    ],
)
def test_settings_out_of_range_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        planted_crowd(**options)
