"""Numbers that are not rounded away: a peak of exactly the threshold, shares of a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heatpose.adapters import lightweight_human_pose, openpose_python

pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_peak_of_exactly_the_threshold(dtype: Any) -> None:
    heatmap = np.zeros((20, 20), dtype)
    heatmap[5, 7] = 0.1
    heatmap[15, 7] = np.nextafter(dtype(0.1), dtype(0))
    found: list[Any] = []
    assert lightweight_human_pose.extract_keypoints(heatmap, found, 0) == 1
    assert found[0][0][:2] == (7, 5)


MAPS = [np.zeros((19, 4, 5), np.float32)]


@pytest.mark.parametrize(
    ("pads", "error"),
    [
        ([0, 0, 1.5, 2], ValueError),
        ([0, 0, np.nan, 2], ValueError),
        ("abc", TypeError),
        ([0, 0, "1", 2], TypeError),
        ([[0, 0], [1]], TypeError),
        ([0, 0, -1, 2], ValueError),
        ([0, 0, 40, 2], ValueError),
    ],
)
def test_pads_are_whole_numbers(pads: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^pads must be"):
        openpose_python.content_of(MAPS, pads, 8)


def test_pads_of_any_kind_of_whole_number() -> None:
    for pads in ([0, 0, 1, 2], [0.0, 0.0, 1.0, 2.0], np.array([[0, 0, 1, 2]], np.uint8)):
        assert openpose_python.content_of(MAPS, pads, 8) == [(31, 38)]
