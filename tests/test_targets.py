"""Heatmaps and PAFs of known poses, against pixel loops and by what must hold for any pose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatpose.datasets.targets import (
    AI_CHALLENGER_TARGETS,
    OPENPOSE_TARGETS,
    body_targets,
    cells_from_crop,
    heatmap_targets,
    keypoint_weights,
    paf_targets,
)
from heatpose.reference import targets as reference
from heatpose.skeletons import AIC14, COCO18

LIMBS = ((0, 1), (1, 2), (2, 3), (0, 3))
SIZE = (13, 17)


def people(seed: int, count: int = 3, keypoints: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Poses that lie in, across and beside a map of SIZE; some keypoints are not labelled."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-4, 20, (count, keypoints, 2))
    known = rng.random((count, keypoints)) < 0.7
    return np.where(known[..., None], points, np.nan), known


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings",
    [
        {"unbiased": True},
        {"unbiased": True, "background": True, "floor": 0.01},
        {"unbiased": False, "background": True},
        {"unbiased": True, "floor": 0.01, "several": "sum"},
    ],
    ids=str,
)
def test_heatmaps_are_those_of_the_pixel_loops(seed: int, settings: dict[str, Any]) -> None:
    points, known = people(seed)
    got = heatmap_targets(points, known, SIZE, 1.5, **settings)
    want = reference.heatmap_targets(points, known, SIZE, 1.5, **settings)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("caps", ["round", "box"])
def test_pafs_are_those_of_the_pixel_loops(seed: int, caps: str) -> None:
    points, known = people(seed)
    got, count = paf_targets(points, known, LIMBS, SIZE, 1.3, caps=caps)
    want, wanted = reference.paf_targets(points, known, LIMBS, SIZE, 1.3, caps=caps)
    assert got.dtype == count.dtype == np.float32
    np.testing.assert_array_equal(count, wanted)
    np.testing.assert_allclose(got, want, atol=1e-6)


def coco18_people(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-30, 230, (count, 18, 2)), rng.random((count, 18)) < 0.8


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.sampled_from(["round", "box"]))
@settings(max_examples=25, deadline=None)
def test_targets_of_the_mirrored_pose_are_the_mirrored_targets(
    seed: int, count: int, caps: str
) -> None:
    size = (160, 200)
    points, known = coco18_people(seed, count)
    options = OPENPOSE_TARGETS if caps == "box" else None
    flip = list(COCO18.flip)
    mirrored = points[:, flip] * (-1, 1) + (size[1] - 1, 0)
    here = body_targets(points, known, COCO18, size, options)
    there = body_targets(mirrored, known[:, flip], COCO18, size, options)
    heatmap_order = [*flip, 18]
    np.testing.assert_allclose(there.heatmaps, here.heatmaps[heatmap_order][..., ::-1], atol=1e-5)
    np.testing.assert_array_equal(there.heatmap_mask, here.heatmap_mask[heatmap_order][..., ::-1])
    # Limb (a, b) becomes (flip a, flip b), which is a limb too, of the same direction.
    names = dict(zip(COCO18.limbs, COCO18.paf_channels, strict=True))
    for (a, b), (x, y) in names.items():
        other_x, other_y = names[flip[a], flip[b]]
        np.testing.assert_allclose(there.pafs[x], -here.pafs[other_x][:, ::-1], atol=1e-5)
        np.testing.assert_allclose(there.pafs[y], here.pafs[other_y][:, ::-1], atol=1e-5)
        np.testing.assert_array_equal(there.paf_mask[x], here.paf_mask[other_y][:, ::-1])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_order_of_people_changes_nothing_and_values_keep_their_bounds(
    seed: int, count: int, adding: bool
) -> None:
    points, known = coco18_people(seed, count)
    options = AI_CHALLENGER_TARGETS if adding else None
    here = body_targets(points, known, COCO18, (160, 200), options)
    order = np.random.default_rng(seed).permutation(count)
    there = body_targets(points[order], known[order], COCO18, (160, 200), options)
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    assert here.heatmaps.min() >= 0 and here.heatmaps.max() <= 1
    np.testing.assert_allclose(here.heatmaps[18], 1 - here.heatmaps[:18].max(axis=0))
    assert (np.hypot(here.pafs[0::2], here.pafs[1::2]) <= 1 + 1e-6).all()


def test_rounded_peaks_are_one_at_their_cell_and_end_at_three_sigma() -> None:
    maps = heatmap_targets([[[6.4, 5.5]]], [[True]], SIZE, 1.0, unbiased=False)[0]
    assert maps[6, 6] == 1
    assert maps[6, 9] > 0 and maps[6, 10] == 0 and maps[3, 3] > 0 and maps[2, 6] == 0


def test_unbiased_maps_reach_everywhere_without_denormal_numbers() -> None:
    maps = heatmap_targets([[[0.25, 0.5]]], [[True]], (46, 82), 3.0)[0]
    assert maps[0, 0] < 1
    assert not ((maps > 0) & (maps < np.finfo(np.float32).tiny)).any()
    assert maps[20, 20] > 0


def test_round_caps_end_at_the_width_and_box_caps_do_not_for_slanted_limbs() -> None:
    ends = [[[4.0, 4.0], [8.0, 8.0]]]
    labelled = [[True, True]]
    corner = {}
    for caps in ("round", "box"):
        _, count = paf_targets(ends, labelled, [(0, 1)], SIZE, 1.0, caps=caps)
        assert count[0, 6, 6] == 1
        corner[caps] = count[0, 9, 9]  # 1.41 cells beyond the end, on the line
    assert corner == {"round": 0, "box": 1}


def test_people_average_where_they_overlap_and_a_limb_without_length_is_nothing() -> None:
    points = [
        [[2.0, 6.0], [10.0, 6.0]],
        [[6.0, 2.0], [6.0, 10.0]],
        [[6.0, 6.0], [6.0, 6.0]],
    ]
    pafs, count = paf_targets(points, np.ones((3, 2)), [(0, 1)], SIZE, 0.5)
    assert count[0, 6, 6] == 2
    np.testing.assert_allclose(pafs[:, 6, 6], [0.5, 0.5])
    np.testing.assert_allclose(pafs[:, 6, 3], [1, 0])


def test_no_people_are_background_everywhere() -> None:
    none = body_targets(np.empty((0, 18, 2)), np.empty((0, 18)), COCO18, (80, 96))
    assert none.heatmaps.shape == (19, 10, 12) and none.pafs.shape == (38, 10, 12)
    assert not none.heatmaps[:18].any() and (none.heatmaps[18] == 1).all()
    assert not none.pafs.any() and none.heatmap_mask.all() and none.paf_mask.all()


def test_limbs_go_to_the_channels_of_the_skeleton() -> None:
    points = np.full((1, 18, 2), np.nan)
    points[0, 1], points[0, 2] = (80, 40), (40, 40)  # neck to right shoulder: leftwards
    known = np.isfinite(points[..., 0])
    pafs = body_targets(points, known, COCO18, (96, 128)).pafs
    assert pafs[12, 5, 7] == -1 and abs(pafs[13, 5, 7]) == 0
    assert not pafs[[c for c in range(38) if c not in (12, 13)]].any()
    plain, _ = paf_targets(cells_from_crop(points, (96, 128), (12, 16)), known, COCO18.limbs,
                           (12, 16), 1.0)  # fmt: skip
    np.testing.assert_array_equal(plain[:2], pafs[12:14])


@pytest.mark.parametrize(
    ("grid", "pixel", "cell"),
    [
        ("centres", (3.5, 3.5), (0, 0)),
        ("centres", (11.5, 3.5), (1, 0)),
        ("classic", (8, 16), (1, 2)),
        ("udp", (63, 31), (7, 3)),
    ],
)
def test_grids(grid: str, pixel: tuple[float, float], cell: tuple[float, float]) -> None:
    np.testing.assert_allclose(cells_from_crop(pixel, (32, 64), (4, 8), grid=grid), cell)


def test_top_down_weights_end_where_the_square_of_three_sigma_misses_the_map() -> None:
    places = [[[-6.4, 3.0], [-6.6, 3.0], [3.0, 18.4], [3.0, 18.6], [4.0, 4.0]]]
    known = [[True, True, True, True, False]]
    got = keypoint_weights(places, known, SIZE, 2.0)
    np.testing.assert_array_equal(got, [[1, 0, 1, 0, 0]])
    maps = heatmap_targets(places, known, SIZE, 2.0, unbiased=False)
    np.testing.assert_array_equal(maps.any(axis=(1, 2)), got[0] > 0)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"keypoints": np.zeros((4, 2))}, ValueError, r"keypoints must have shape \[P, K, 2\]"),
        ({"labelled": np.ones((2, 4))}, ValueError, "labelled must have shape"),
        ({"labelled": np.full((1, 4), 2)}, TypeError, "labelled must be bool"),
        ({"keypoints": np.full((1, 4, 2), np.nan)}, ValueError, "keypoints must be finite"),
        ({"size": (0, 4)}, ValueError, "size"),
        ({"sigma": 0.0}, ValueError, "sigma"),
        ({"several": "mean"}, ValueError, "several"),
    ],
)
def test_bad_heatmap_arguments_are_named(
    changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    arguments: dict[str, Any] = {
        "keypoints": np.zeros((1, 4, 2)), "labelled": np.ones((1, 4), bool), "size": SIZE,
        "sigma": 1.0,
    }  # fmt: skip
    with pytest.raises(error, match=words):
        heatmap_targets(**(arguments | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limbs": [(0, 4)]}, "limbs must hold keypoints 0..3"),
        ({"channels": [(0, 0)]}, "channels must use each of 0..1 once"),
        ({"caps": "flat"}, "caps"),
        ({"width": 0.0}, "width"),
    ],
)
def test_bad_paf_arguments_are_named(changes: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "keypoints": np.zeros((1, 4, 2)), "labelled": np.ones((1, 4), bool), "limbs": [(0, 1)],
        "size": SIZE, "width": 1.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=words):
        paf_targets(**(arguments | changes))


def test_the_input_must_be_whole_cells() -> None:
    with pytest.raises(ValueError, match="multiples of the stride 8"):
        body_targets(np.zeros((1, 14, 2)), np.ones((1, 14)), AIC14, (368, 300))
