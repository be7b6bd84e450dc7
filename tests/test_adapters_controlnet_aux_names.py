"""Arguments and helpers that controlnet_aux has, and whoever calls it may give."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from heatpose.adapters.controlnet_aux import Face, util
from openpose_support import Painted

RNG = np.random.default_rng(3)


def test_a_face_takes_the_settings_that_nobody_reads() -> None:
    crop = RNG.integers(0, 255, (90, 70, 3), dtype=np.uint8)
    plain = Face(Painted(71))(crop)
    named = Face(Painted(71), inference_size=256, gaussian_sigma=1.0, heatmap_peak_thresh=0.9)
    np.testing.assert_array_equal(named(crop), plain)
    np.testing.assert_array_equal(Face(Painted(71), 256, 1.0, 0.9)(crop), plain)
    peaks = named.compute_peaks_from_heatmaps(np.full((3, 2, 2), 0.06, np.float32))
    assert len(peaks) == 3  # the threshold is 0.05 all the same


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 1), (30, 40, 3), (30, 40, 19)])
@pytest.mark.parametrize(
    ("size", "way"),
    [((15, 20), cv2.INTER_AREA), ((60, 90), cv2.INTER_LANCZOS4), ((10, 60), cv2.INTER_LANCZOS4)],
)
def test_smart_resize(shape: tuple[int, ...], size: tuple[int, int], way: int) -> None:
    maps = RNG.random(shape).astype(np.float32)
    found = util.smart_resize(maps, size)
    planes = np.atleast_3d(maps).transpose(2, 0, 1)
    wanted = [cv2.resize(np.ascontiguousarray(p), size[::-1], interpolation=way) for p in planes]
    # Of one channel OpenCV leaves the axis out.
    assert found.shape == (size if len(wanted) == 1 else (*size, len(wanted)))
    atol = 1e-6
    np.testing.assert_allclose(np.atleast_3d(found), np.stack(wanted, -1), rtol=0, atol=atol)


def test_smart_resize_by_factors() -> None:
    picture = RNG.integers(0, 255, (31, 47, 3), dtype=np.uint8)
    for fx, fy in ((0.5, 0.5), (1.7, 1.3), (2.0, 0.4)):
        size = (int(31 * fy), int(47 * fx))
        larger = 31 * fy + 47 * fx >= 31 + 47
        way = cv2.INTER_LANCZOS4 if larger else cv2.INTER_AREA
        wanted = cv2.resize(picture, size[::-1], interpolation=way)
        np.testing.assert_array_equal(util.smart_resize_k(picture, fx, fy), wanted)


@pytest.mark.parametrize("bad", [(0, 5), (5,), "ab"])
def test_smart_resize_wants_a_size(bad: Any) -> None:
    with pytest.raises(ValueError, match="s must be"):
        util.smart_resize(np.zeros((4, 4)), bad)
