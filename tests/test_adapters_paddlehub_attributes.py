"""Attributes of PaddleHub's processor classes count when the object is called."""

from __future__ import annotations

import numpy as np
import pytest

from heatpose import demo
from heatpose.adapters.paddlehub import processor as P

cv2 = pytest.importorskip("cv2")

CANVAS = (240, 320)


def maps() -> tuple[P.AllPeaks, np.ndarray]:
    heatmaps, pafs, _ = demo.planted_crowd(2, cells=(30, 40), canvas=CANVAS, seed=4, noise=0)
    heat, fields = (
        cv2.resize(m.transpose(1, 2, 0), CANVAS[::-1], interpolation=cv2.INTER_CUBIC)
        for m in (heatmaps, pafs)
    )
    return P.GetPeak()(heat), fields


def test_limbs_that_are_changed_later() -> None:
    peaks, pafs = maps()
    limbs = P.Connection().limbSeq[:3], P.Connection().mapIdx[:3]
    early = P.Connection(mapIdx=limbs[1], limbSeq=limbs[0])
    late = P.Connection()
    late.limbSeq, late.mapIdx = limbs
    found, wanted = late(peaks, pafs, CANVAS), early(peaks, pafs, CANVAS)
    assert len(found[0]) == len(wanted[0]) == 3 and found[1] == wanted[1]
    for got, want in zip(found[0], wanted[0], strict=True):
        np.testing.assert_array_equal(got, want)
    assert len(wanted[0][0]) == 2
    late.limbSeq[0] = [1, 18]  # in place, too
    assert len(late(peaks, pafs, CANVAS)[0][0]) == 0
    assert P.Connection().limbSeq[0] == [2, 3]


def test_the_threshold_of_a_connection() -> None:
    peaks, pafs = maps()
    connect = P.Connection()
    usual = connect(peaks, pafs, CANVAS)[0]
    assert sum(map(len, usual)) >= 20
    connect.caculate_vector.thresh = 5.0
    assert sum(map(len, connect(peaks, pafs, CANVAS)[0])) == 0
    connect.caculate_vector = P.CalculateVector(0.05)
    assert sum(map(len, connect(peaks, pafs, CANVAS)[0])) == sum(map(len, usual))


def test_colours_and_limbs_of_a_drawing() -> None:
    candidate = np.array([[20.0, 20, 1, 0], [60, 50, 1, 1]])
    subset = np.full((1, 20), -1.0)
    subset[0, [1, 2]] = 0, 1
    canvas = np.zeros((*CANVAS, 3), np.uint8)
    draw = P.DrawPose()
    usual = draw(canvas, candidate, subset)
    draw.colors = [[0, 0, 250]] * 18
    blue = draw(canvas, candidate, subset)
    assert (blue[..., 2] > 0).tolist() == usual.any(axis=-1).tolist()
    assert not blue[..., :2].any() and blue[35, 40, 2] == 150
    draw.limbSeq = []
    assert not draw(canvas, candidate, subset)[35, 40].any()
    assert P.DrawPose().limbSeq[0] == [2, 3]


def test_edges_of_a_hand() -> None:
    canvas = np.zeros((*CANVAS, 3), np.uint8)
    hand = np.stack([np.linspace(5, 120, 21), np.linspace(5, 90, 21)], axis=1).astype(int)
    draw = P.DrawHandPose()
    draw.edges = [[0, 20]]
    drawn = draw(canvas, [hand])
    assert drawn[47, 62].any() or drawn[47, 63].any()
    draw.edges = []
    assert draw(canvas, [hand]).any(axis=-1).sum() < drawn.any(axis=-1).sum()
