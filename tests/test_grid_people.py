"""People on the network's own grid: the native ops against the reference, and their rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from heatpose import demo, ops, reference
from heatpose.skeletons import COCO18

LIMBS, CHANNELS = COCO18.limbs, COCO18.paf_channels
F = np.float32


def crowd(people: int, seed: int = 0, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    heatmaps, pafs, _ = demo.planted_crowd(people, cells=(23, 31), seed=seed, noise=noise)
    return heatmaps[:18], pafs


def batch(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    scenes = [crowd(people, seed + people) for people in (0, 1, 6)]
    return np.stack([s[0] for s in scenes]), np.stack([s[1] for s in scenes])


def peaks_of(heatmaps: np.ndarray, most: int = 12) -> ops.Peaks:
    return ops.find_peaks(
        heatmaps, threshold=0.1, window=5, inclusive=True, ties="all", keep="first", max_peaks=most
    )


# --- find_peaks in a window.


@pytest.mark.parametrize("ties", ["first", "all", "none"])
@pytest.mark.parametrize(("window", "inclusive"), [(1, True), (2, False), (5, True), (9, False)])
@pytest.mark.parametrize("shape", [(0, 2, 8, 8), (1, 1, 1), (2, 3, 17, 31), (1, 40, 1)], ids=str)
def test_window_matches_reference(
    vector_unit: str, shape: tuple[int, ...], window: int, inclusive: bool, ties: str
) -> None:
    rng = np.random.default_rng(0)
    maps = rng.choice(np.array([-0.4, 0, 0.2, 0.4, 0.4, 0.6, np.nan], F), shape)
    for threshold in (0.4, -0.4):
        for keep in ("best", "first"):
            options: dict[str, Any] = {"window": window, "inclusive": inclusive, "ties": ties}
            options |= {"threshold": F(threshold).item(), "keep": keep, "max_peaks": 9}
            got, want = ops.find_peaks(maps, **options), reference.find_peaks(maps, **options)
            for mine, theirs in zip(got, want, strict=True):
                np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))


def test_a_window_does_not_look_outside_the_map() -> None:
    maps = np.full((1, 3, 3), -1, F)
    maps[0, 0, 0] = -0.5
    found = ops.find_peaks(maps, threshold=-0.9, window=3)
    assert found.xy[0, : found.counts[0]].tolist() == [[0, 0]]
    assert ops.find_peaks(maps, threshold=-0.9, connectivity=8).counts.tolist() == [0]


def test_inclusive_goes_with_neighbours_too() -> None:
    maps = np.array([[[0.25, 0.0, 0.5]]], F)
    for inclusive, count in ((False, 1), (True, 2)):
        found = ops.find_peaks(maps, threshold=0.25, inclusive=inclusive)
        assert found.counts.tolist() == [count]


def test_the_first_of_too_many_peaks_stay_when_asked() -> None:
    maps = np.zeros((1, 60, 60), F)
    maps[0, ::2, ::2] = np.linspace(0.2, 0.9, 900, dtype=F).reshape(30, 30)
    found = ops.find_peaks(maps, max_peaks=3, keep="first")
    assert found.xy[0].tolist() == [[0, 0], [2, 0], [4, 0]]
    assert found.overflow.tolist() == [True]


# --- The steps.


def test_every_step_has_the_bits_of_the_reference(vector_unit: str) -> None:
    heatmaps, pafs = batch()
    peaks = peaks_of(heatmaps)
    counts = peaks.counts
    for window in (1, 4, 7):
        places = ops.refine_peaks(peaks.xy, counts, heatmaps, window=window)
        np.testing.assert_array_equal(
            places, reference.refine_peaks(peaks.xy, counts, heatmaps, window=window)
        )
    places = ops.refine_peaks(peaks.xy, counts, heatmaps)
    for samples in (1, 2, 7):
        scores = ops.score_pairs(places, counts, pafs, LIMBS, CHANNELS, samples=samples)
        np.testing.assert_array_equal(
            scores,
            reference.score_pairs(places, counts, pafs, LIMBS, CHANNELS, samples=samples),
        )
    partners = ops.assign_pairs(scores, counts, LIMBS)
    np.testing.assert_array_equal(partners, reference.assign_pairs(scores, counts, LIMBS))
    assert (partners >= 0).sum() > 100
    for most in (0, 3, 50):
        found = ops.connect_peaks(partners, counts, LIMBS, max_people=most)
        want = reference.connect_peaks(partners, counts, LIMBS, max_people=most)
        np.testing.assert_array_equal(found.people, want[0])
        np.testing.assert_array_equal(found.counts, want[1])


def test_all_at_once_is_step_by_step() -> None:
    for heatmaps, pafs in (batch(), crowd(4)):
        got = ops.grid_people(heatmaps, pafs, LIMBS, CHANNELS, max_peaks=12, max_people=9)
        peaks = peaks_of(heatmaps)
        places = ops.refine_peaks(peaks.xy, peaks.counts, heatmaps)
        scores = ops.score_pairs(places, peaks.counts, pafs, LIMBS, CHANNELS)
        partners = ops.assign_pairs(scores, peaks.counts, LIMBS)
        found = ops.connect_peaks(partners, peaks.counts, LIMBS, max_people=9)
        for mine, theirs in zip(got, (*peaks, places, *found), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_planted_people_are_found() -> None:
    heatmaps, pafs, truth = demo.planted_crowd(5, seed=2)
    found = ops.grid_people(heatmaps[:18], pafs, LIMBS, CHANNELS)
    whole = [p for p in found.people[: found.counts] if (p >= 0).sum() > 5]
    assert len(whole) == 5
    places = [
        [found.places[k, i] * (1280, 720) if i >= 0 else (np.nan, np.nan) for k, i in enumerate(p)]
        for p in whole
    ]
    for person in truth:
        nearest = min(np.nanmax(np.linalg.norm(place - person, axis=-1)) for place in places)
        assert nearest < 2 * demo.NEAR


def test_random_peaks_anywhere_have_the_bits_of_the_reference() -> None:
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(2, 3, 4, 6)).astype(F)
    xy = rng.integers(-3, 9, (2, 3, 5, 2)).astype(np.int32)
    counts = rng.integers(0, 6, (2, 3)).astype(np.int32)
    np.testing.assert_array_equal(
        ops.refine_peaks(xy, counts, maps, window=15),
        reference.refine_peaks(xy, counts, maps, window=15),
    )
    places = rng.uniform(-0.5, 1.5, (2, 3, 5, 2)).astype(F)
    places[0, 0, 0] = np.nan
    limbs, channels = [(0, 1), (1, 2), (2, 0)], [(0, 1), (3, 2), (1, 1)]
    pafs = rng.normal(size=(2, 4, 4, 6)).astype(F)
    np.testing.assert_array_equal(
        ops.score_pairs(places, counts, pafs, limbs, channels),
        reference.score_pairs(places, counts, pafs, limbs, channels),
    )


@pytest.mark.parametrize("size", [1, 2, 7, 33, 40])
def test_the_sum_of_scores_is_the_greatest(size: int) -> None:
    rng = np.random.default_rng(size)
    counts = np.array([size, max(size - 3, 0), size], np.int32)
    limbs = [(0, 1), (1, 2), (2, 0)]
    scores = rng.normal(size=(3, size, size)).astype(F)
    scores[2] = np.round(scores[2])  # ties
    partners = ops.assign_pairs(scores, counts, limbs, threshold=-1e9)
    np.testing.assert_array_equal(
        partners, reference.assign_pairs(scores, counts, limbs, threshold=-1e9)
    )
    for own, pairs, (a, b) in zip(scores, partners, limbs, strict=True):
        part = own[: counts[a], : counts[b]].astype(np.float64)
        best = part[linear_sum_assignment(part, maximize=True)].sum()
        taken = np.flatnonzero(pairs[0] >= 0)
        assert len(taken) == min(part.shape)
        assert part[taken, pairs[0][taken]].sum() == pytest.approx(best, abs=1e-9)
        assert all(pairs[1][pairs[0][i]] == i for i in taken)


def test_a_score_that_is_no_number_makes_no_pair() -> None:
    scores = np.array([[[np.nan, 0.5], [np.inf, 0.4]]], F)
    partners = ops.assign_pairs(scores, np.array([2, 2], np.int32), [(0, 1)])
    assert partners.tolist() == [[[1, -1], [-1, 0]]]


def test_of_two_peaks_of_a_part_the_last_met_is_named() -> None:
    partners = np.full((3, 2, 2), -1, np.int32)
    # Parts 0 and 1, 1 and 2, 2 and 0 in a ring that ends at the other peak of part 0.
    partners[0, 0, 0], partners[0, 1, 0] = 0, 0
    partners[1, 0, 0], partners[1, 1, 0] = 0, 0
    partners[2, 0, 0], partners[2, 1, 1] = 1, 0
    found = ops.connect_peaks(
        partners, np.array([2, 1, 1], np.int32), [(0, 1), (1, 2), (2, 0)], max_people=4
    )
    assert found.counts == 1
    assert found.people.tolist() == [[1, 0, 0], *[[-1] * 3] * 3]


def test_partners_that_are_none_are_passed_by() -> None:
    partners = np.array([[[7, -5], [2**31 - 1, 1]]], np.int32)
    found = ops.connect_peaks(partners, np.array([2, 2], np.int32), [(0, 1)], max_people=8)
    assert found.people[: found.counts].tolist() == [[0, -1], [1, -1], [-1, 0], [-1, 1]]
    want = reference.connect_peaks(partners, np.array([2, 2]), [(0, 1)], max_people=8)
    np.testing.assert_array_equal(found.people, want[0])


def test_tensors_and_threads_and_narrow_floats(threads: None) -> None:
    torch = pytest.importorskip("torch")
    heatmaps, pafs = batch()
    want = ops.grid_people(heatmaps, pafs, LIMBS, CHANNELS)
    tensors = [torch.from_numpy(m) for m in (heatmaps, pafs)]
    got = ops.grid_people(*tensors, LIMBS, np.array(CHANNELS))
    for mine, theirs in zip(got, want, strict=True):
        assert isinstance(mine, torch.Tensor)
        np.testing.assert_array_equal(mine, theirs)
    half = ops.grid_people(*(t.half() for t in tensors), LIMBS, CHANNELS)
    rounded = [m.astype(np.float16).astype(F) for m in (heatmaps, pafs)]
    for mine, theirs in zip(half, ops.grid_people(*rounded, LIMBS, CHANNELS), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    again = ops.grid_people(heatmaps[:, :, ::-1][:, :, ::-1], pafs, LIMBS, CHANNELS, out=want)
    assert again is want


def test_nothing_in_nothing_out() -> None:
    for images in (0, 2):
        found = ops.grid_people(
            np.zeros((images, 18, 0, 5), F), np.zeros((images, 38, 0, 5), F), LIMBS, CHANNELS
        )
        assert found.counts.tolist() == [0] * images
        assert (found.people == -1).all()
    found = ops.grid_people(np.ones((1, 2, 2), F), np.zeros((0, 2, 2), F), [], [])
    assert found.counts == 4


COUNTS = np.zeros(2, np.int32)
XY, PLACES = np.zeros((2, 3, 2), np.int32), np.zeros((2, 3, 2), F)
MAPS, PAFS, SCORES = np.zeros((2, 4, 5), F), np.zeros((2, 4, 5), F), np.zeros((1, 3, 3), F)
GOOD: dict[str, dict[str, Any]] = {
    "refine_peaks": {"xy": XY, "counts": COUNTS, "maps": MAPS},
    "score_pairs": {"places": PLACES, "counts": COUNTS, "pafs": PAFS, "limbs": [(0, 1)],
                    "paf_channels": [(0, 1)]},
    "assign_pairs": {"scores": SCORES, "counts": COUNTS, "limbs": [(0, 1)]},
    "connect_peaks": {"partners": np.zeros((1, 2, 3), np.int32), "counts": COUNTS,
                      "limbs": [(0, 1)]},
    "grid_people": {"heatmaps": MAPS, "pafs": PAFS, "limbs": [(0, 1)], "paf_channels": [(0, 1)]},
}  # fmt: skip
BAD = [
    ("refine_peaks", TypeError, "xy must be int32", {"xy": PLACES}),
    ("refine_peaks", ValueError, r"xy must have shape \(2, \?, 2\)", {"xy": XY[:1]}),
    ("refine_peaks", ValueError, "window must be between 1", {"window": 0}),
    ("refine_peaks", ValueError, "counts must be from 0 to 3, got 4", {"counts": COUNTS + 4}),
    ("refine_peaks", ValueError, r"counts must have shape \(2\)", {"counts": COUNTS[:1]}),
    ("score_pairs", ValueError, "limbs must be from 0 to 1, got 0 to 2", {"limbs": [(0, 2)]}),
    ("score_pairs", ValueError, "paf_channels must be from 0 to 1", {"paf_channels": [(-1, 0)]}),
    ("score_pairs", ValueError, r"one row per limb \(1\), got 0", {"paf_channels": []}),
    ("score_pairs", ValueError, "samples must be between 1", {"samples": 0}),
    ("assign_pairs", ValueError, "scores must have shape", {"scores": SCORES[:, :2]}),
    ("assign_pairs", ValueError, "one row per limb of scores", {"limbs": [(0, 1)] * 2}),
    ("assign_pairs", ValueError, "threshold must be a finite number", {"threshold": np.inf}),
    ("connect_peaks", ValueError, "partners must have shape", {"partners": COUNTS}),
    ("connect_peaks", ValueError, "counts must be from 0 to 3, got -1", {"counts": COUNTS - 1}),
    ("grid_people", TypeError, "heatmaps must be float32", {"heatmaps": np.zeros((2, 4, 5))}),
    ("grid_people", ValueError, "pafs must have the images and sizes", {"pafs": PAFS[:, :3]}),
    ("grid_people", ValueError, "max_peaks must be between 1", {"max_peaks": 0}),
    ("grid_people", TypeError, "out must be GridPeople", {"out": ()}),
]


@pytest.mark.parametrize(("name", "error", "message", "changes"), BAD)
def test_bad_input(
    name: str, error: type[Exception], message: str, changes: dict[str, Any]
) -> None:
    function = getattr(ops, name)
    function(**GOOD[name])
    with pytest.raises(error, match=message):
        function(**{**GOOD[name], **changes})
