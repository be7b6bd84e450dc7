"""What the CUDA kernels of associate do in ways of their own; the CPU passes these as well."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from association_scenes import CHANNELS, LIMBS, OPTIONS, compare, random_scene
from heatpose import ops
from heatpose.native import core
from heatpose.ops import AssociateOptions, Peaks

ON_HOST_BLOCKS = core.cuda_device_type == 1
EVERYONE: dict[str, Any] = {"min_parts": 0, "min_score": -9.0, "point_ratio": 0.2}


def padded(peaks: Peaks, max_peaks: int, keypoints: int = 0) -> Peaks:
    """The same peaks in larger arrays."""
    lead, (k, m) = peaks.scores.shape[:-2], peaks.scores.shape[-2:]
    keypoints = max(keypoints, k)
    xy = np.zeros((*lead, keypoints, max_peaks, 2), peaks.xy.dtype)
    scores = np.zeros((*lead, keypoints, max_peaks), np.float32)
    counts = np.zeros((*lead, keypoints), np.int32)
    xy[..., :k, :m, :], scores[..., :k, :m], counts[..., :k] = peaks.xy, peaks.scores, peaks.counts
    return Peaks(xy, scores, counts, counts > max_peaks)


def two_columns(count: int) -> tuple[Peaks, np.ndarray]:
    """Two keypoints of which every peak pairs with every other's, and a field across."""
    rng = np.random.default_rng(count)
    y = rng.permuted(np.tile(np.arange(count), (2, 1)), axis=1)
    x = np.array([[3], [60]]) + rng.integers(0, 9, (2, count))
    xy = np.stack([x, y], axis=-1).astype(np.int32)
    scores = rng.uniform(0.1, 1.0, (2, count)).astype(np.float32)
    fields = rng.uniform(0.8, 1.0, (2, 25, 10)).astype(np.float32)
    fields[1] -= 0.9
    return Peaks(xy, scores, np.full(2, count, np.int32), np.zeros(2, np.bool_)), fields


@pytest.mark.parametrize("matching", ["limbs", "global"])
@pytest.mark.parametrize("seed", range(6))
def test_pairs_of_one_limb_that_touch_the_same_people(seed: int, matching: str) -> None:
    """Dense scenes: most pairs have to wait for others, within their limb and beyond."""
    peaks, fields = random_scene(seed, max_peaks=14, canvas=(90, 122))
    peaks.counts[:] = 14
    options = AssociateOptions(matching=matching, **EVERYONE)
    found = compare(peaks, fields, (90, 122), options=options, max_people=40)
    assert found.pair_counts.sum() > 40


@pytest.mark.parametrize("name", ["default", "classic", "openpose"])
def test_more_pairs_than_are_kept_nearby(name: str) -> None:
    peaks, fields = two_columns(50)
    options = AssociateOptions(**{**OPTIONS[name], "min_parts": 2})
    found = compare(
        peaks, fields, (200, 80), limbs=[(0, 1)], channels=[(0, 1)], options=options, max_people=60
    )
    assert found.counts == found.pair_counts[0] == 50


@pytest.mark.parametrize("name", ["default", "classic", "global"])
def test_more_keypoints_and_peaks_than_are_kept_nearby(name: str) -> None:
    rng = np.random.default_rng(3)
    peaks, fields = random_scene(3, max_peaks=20)
    many = padded(peaks, 90, keypoints=70)
    many.counts[5:] = 90  # of keypoints that no limb has
    many.xy[5:] = rng.integers(0, 45, many.xy[5:].shape)
    limbs = [(a, b + 60 if b == 4 else b) for a, b in LIMBS]
    many.counts[64] = 9
    many.scores[64] = 0.5
    options = AssociateOptions(**{**OPTIONS[name], **EVERYONE})
    found = compare(many, fields, (45, 61), limbs=limbs, options=options)
    assert (found.people[: found.counts, 64] >= 0).any()


@pytest.mark.parametrize("name", ["default", "global"])
def test_a_batch_that_goes_through_in_groups(name: str) -> None:
    """The pairs of so many peaks would need more workspace than one group may have."""
    peaks, fields = random_scene(5, lead=(12,))
    options = AssociateOptions(**{**OPTIONS[name], "min_parts": 2, "min_score": 0.0})
    found = compare(padded(peaks, 1024), fields, (45, 61), options=options)
    alone = ops.associate(peaks, fields, LIMBS, CHANNELS, (45, 61), options=options)
    np.testing.assert_array_equal(found.people, alone.people)
    np.testing.assert_array_equal(found.scores, alone.scores)
    assert (found.counts > 0).sum() > 9


@pytest.mark.parametrize("samples", [31, 32, 33, 64, 100])
def test_more_samples_than_a_warp_has_lanes(samples: int) -> None:
    for mean_of_counted in (False, True):
        options = AssociateOptions(
            samples=samples, mean_of_counted=mean_of_counted, min_parts=2, point_ratio=0.5
        )
        assert compare(*random_scene(7), (45, 61), options=options).counts > 0


@pytest.mark.parametrize("name", ["default", "classic", "openpose"])
def test_peaks_that_make_no_sense(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What lies on a device is not checked: such places pair with none, counts are bounded."""
    if not ON_HOST_BLOCKS:
        pytest.skip("arrays on the CPU are checked")
    monkeypatch.setattr(sys.modules["heatpose.ops.associate"], "_check_peaks", lambda *_: None)
    options = AssociateOptions(**{**OPTIONS[name], **EVERYONE})
    peaks, fields = random_scene(2)
    xy = peaks.xy.astype(np.float32)
    xy[0, 0], xy[1, 1], xy[2, 2, 0], xy[3, 3] = np.nan, np.inf, -np.inf, 3e38
    scores = peaks.scores.copy()
    scores[0, 1], scores[1, 2] = np.nan, np.inf
    counts = np.array([6, 1 << 30, 5, 6, -(1 << 31)], np.int32)
    found = ops.associate(
        Peaks(xy, scores, counts, counts > 6), fields, LIMBS, CHANNELS, (45, 61), options=options
    )
    pairs = [p[:n].tolist() for p, n in zip(found.pairs, found.pair_counts, strict=True)]
    assert sum(map(len, pairs)) > 0
    for (a, b), taken in zip(LIMBS, pairs, strict=True):
        for i, j in taken:
            assert np.isfinite(xy[a, i]).all() and np.isfinite(xy[b, j]).all()
    assert not pairs[3] and not pairs[5]  # the limbs of the keypoint without peaks
    assert np.isfinite(found.scores).all() or np.isposinf(found.scores).any()


def test_more_peaks_than_a_device_has_room_for() -> None:
    if not ON_HOST_BLOCKS:
        pytest.skip("the CPU keeps no room for all pairs")
    peaks = padded(random_scene(0)[0], 1 << 16)
    with pytest.raises(ValueError, match="max_peaks is too large for a CUDA device: 65536 peaks"):
        ops.associate(peaks, random_scene(0)[1], LIMBS, CHANNELS, (45, 61))
