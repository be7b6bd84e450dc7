"""Components that take many steps to join, or numbers that are hard to add, on any device.

A map without resizing or smoothing is its own mask, so that these draw components pixel by pixel;
the tiles that a device labels on its own are 14 pixels wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from heatpose import ops, reference

Map = npt.NDArray[np.float32]
OPTIONS: dict[str, Any] = {"stride": 1, "sigma": 0.0}


def decode(drawn: Map, threshold: float = 0.0) -> tuple[list[float], float]:
    """The place (x, y) and score of one map [H, W]."""
    got = ops.decode_hand_maps(drawn[None], drawn.shape, threshold=threshold, **OPTIONS)
    return got.coords[0].tolist(), float(got.scores[0])


def spiral(size: int) -> list[tuple[int, int]]:
    """The pixels of a line of width 1, wound inwards with gaps of 1, as (y, x) from its start."""
    taken = np.zeros((size + 4, size + 4), bool)
    taken[:2], taken[-2:], taken[:, :2], taken[:, -2:] = True, True, True, True
    y, x, dy, dx = 2, 2, 0, 1
    path = [(y, x)]
    taken[y, x] = True
    while True:
        for _ in range(2):  # straight on, or else round the corner
            ahead = taken[y + dy, x + dx] or (
                taken[y + 2 * dy, x + 2 * dx] and (y + 2 * dy, x + 2 * dx) in path
            )
            if not ahead:
                break
            dy, dx = dx, -dy
        else:
            return [(y - 2, x - 2) for y, x in path]
        y, x = y + dy, x + dx
        taken[y, x] = True
        path.append((y, x))


ORIENTATIONS = [(turns, flip) for turns in range(4) for flip in (False, True)]


def turned(drawn: Map, turns: int, flip: bool) -> Map:
    return np.ascontiguousarray(np.rot90(drawn[:, ::-1] if flip else drawn, turns))


@pytest.mark.parametrize(("turns", "flip"), ORIENTATIONS)
def test_a_spiral_is_one_component(turns: int, flip: bool) -> None:
    path = spiral(61)
    assert len(path) > 1500
    line = np.zeros((61, 61), np.float32)
    for y, x in path:
        line[y, x] = 1.0
    line[path[-1]] = 1.5
    drawn = turned(line, turns, flip)
    y, x = np.argwhere(drawn == 1.5)[0]
    assert decode(drawn) == ([x, y], 1.5)
    # Cut near its inner end the rest is heavier, and all its pixels are equal: the first wins.
    line[path[-4]] = 0.0
    drawn = turned(line, turns, flip)
    y, x = np.argwhere(drawn == 1.0)[0]
    assert decode(drawn) == ([x, y], 1.0)


@pytest.mark.parametrize(("turns", "flip"), ORIENTATIONS)
def test_a_comb_is_one_component(turns: int, flip: bool) -> None:
    comb = np.zeros((45, 59), np.float32)
    comb[:, ::2] = 0.25
    comb[-1] = 0.25
    comb[0, 28] = 0.5  # a tooth's tip, 44 pixels from where the teeth meet
    drawn = turned(comb, turns, flip)
    y, x = np.argwhere(drawn == 0.5)[0]
    assert decode(drawn) == ([x, y], 0.5)
    comb[-1] = 0.0  # every tooth its own component
    comb[1, 2] = 0.5
    comb[0, 28] = 0.25
    drawn = turned(comb, turns, flip)
    y, x = np.argwhere(drawn == 0.5)[0]
    assert decode(drawn) == ([x, y], 0.5)


@pytest.mark.parametrize("shift", range(-3, 4))
@pytest.mark.parametrize("flip", [False, True])
def test_diagonals_join_through_the_corners_of_tiles(shift: int, flip: bool) -> None:
    line = np.zeros((57, 57), np.float32)
    steps = np.arange(3, 54)
    line[steps, steps + shift] = 0.125
    line[53, 53 + shift] = 0.25
    line[0:2, 50:57] = 0.3  # lighter than the whole line, heavier than a part within a tile
    drawn = turned(line, 0, flip)
    y, x = np.argwhere(drawn == 0.25)[0]
    assert decode(drawn) == ([x, y], 0.25)


@pytest.mark.parametrize("phase", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_as_many_components_as_fit(phase: tuple[int, int]) -> None:
    drawn = np.zeros((43, 44), np.float32)
    drawn[phase[0] :: 2, phase[1] :: 2] = 1.0
    assert decode(drawn) == ([phase[1], phase[0]], 1.0)
    drawn[28 + phase[0], 30 + phase[1]] = 1.25
    assert decode(drawn) == ([30 + phase[1], 28 + phase[0]], 1.25)


@pytest.mark.parametrize("density", [0.05, 0.2, 0.35, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (2, 31), (14, 14), (15, 29), (47, 33)])
def test_random_masks(density: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng([int(100 * density), *shape])
    maps = rng.integers(1, 9, (4, *shape)) * (rng.random((4, *shape)) < density)
    maps = maps.astype(np.float32)
    got = ops.decode_hand_maps(maps, shape, threshold=0.5, **OPTIONS)
    coords, scores = reference.decode_hand_maps(maps, shape, threshold=0.5, **OPTIONS)
    np.testing.assert_array_equal(got.coords, coords.astype(np.float32))
    np.testing.assert_array_equal(got.scores, scores)


def bars(*values: tuple[tuple[slice, slice], float], background: float = 0.0) -> Map:
    drawn = np.full((48, 48), background, np.float32)
    for where, value in values:
        drawn[where] = value
    return drawn


UPPER, LOWER = np.s_[3:5, 2:40], np.s_[30:31, 1:47]  # 76 and 46 pixels, over several tiles


@pytest.mark.parametrize("unit", [1e-44, 1e-38, 1e-20, 1.0, 1e20, 1e29])
def test_sums_of_any_magnitude(unit: float) -> None:
    drawn = bars((UPPER, unit), (LOWER, 1.75 * unit))
    assert decode(drawn)[0] == [1, 30]
    drawn = bars((UPPER, 2 * unit), (LOWER, 3 * unit))
    assert decode(drawn)[0] == [2, 3]


def test_a_large_value_does_not_hide_small_ones() -> None:
    # 2^-40 of the largest value decides between components of the same size.
    drawn = bars((UPPER, 1.0), (LOWER, 1.0))
    drawn[LOWER][0, 5:35] = 2.0
    assert decode(drawn) == ([2, 3], 1.0)  # 76 against 46 + 30: the first
    drawn[30, 46] = np.float32(1.0 + 2.0**-23)
    assert decode(drawn) == ([6, 30], 2.0)
    drawn[30, 46] = 1.0
    drawn[31, 46] = 2.0**-40
    assert decode(drawn) == ([6, 30], 2.0)


def test_the_first_of_equal_components_may_begin_in_a_later_tile() -> None:
    drawn = np.zeros((16, 30), np.float32)
    drawn[10, 8:20] = 1.0
    drawn[3:10, 19] = 1.0  # 19 pixels; the first of all in the second tile of the row
    drawn[5, 0:10] = 1.0
    drawn[6, 0:9] = 1.0  # as many
    assert decode(drawn) == ([19, 3], 1.0)
    drawn[3, 19] = 0.0
    assert decode(drawn) == ([0, 5], 1.0)


def test_negative_sums_are_compared_too() -> None:
    drawn = bars((UPPER, -0.25), (LOWER, -0.5), background=-1.0)
    assert decode(drawn, threshold=-0.75) == ([2, 3], -0.25)
    drawn = bars((UPPER, -0.5), (LOWER, -0.25), background=-1.0)
    assert decode(drawn, threshold=-0.75) == ([1, 30], -0.25)
    drawn[10, 10] = -0.125
    assert decode(drawn, threshold=-0.75) == ([10, 10], -0.125)


def test_zeros_are_equal_whatever_their_sign() -> None:
    drawn = bars((UPPER, -0.0), background=-1.0)
    drawn[4, 20] = 0.0
    assert decode(drawn, threshold=-0.5) == ([2, 3], 0.0)


def test_more_planes_than_are_searched_at_once() -> None:
    planes, size = 10_600, 15
    rng = np.random.default_rng(3)
    y, x = rng.integers(0, size, (2, planes))
    value = rng.random(planes).astype(np.float32)
    maps = np.zeros((planes, size, size), np.float32)
    maps[np.arange(planes), y, x] = value
    got = ops.decode_hand_maps(maps, (size, size), threshold=0.1, **OPTIONS)
    missing = value <= np.float32(0.1)
    np.testing.assert_array_equal(np.isnan(got.coords[:, 0]), missing)
    np.testing.assert_array_equal(got.scores, np.where(missing, 0, value))
    np.testing.assert_array_equal(got.coords[~missing], np.stack([x, y], 1)[~missing])
