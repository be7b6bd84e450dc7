"""Peaks of 18 channels that lie in memory, beside cv2.dilate and NumPy.

Run: python -m benchmarks.bench_find_peaks
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CANVAS, CANVASES, crowd, size
from heatpose import ops, reference

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def with_dilate(maps: np.ndarray, threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for plane in maps:
        best = cv2.dilate(plane, CROSS)
        found.append(np.nonzero((plane >= best) & (plane > threshold)))
    return found


def smooth_maps(canvas: tuple[int, int]) -> np.ndarray:
    (heatmaps,), _ = crowd(5, canvas=canvas)
    maps = [cv2.resize(m, canvas[::-1], interpolation=cv2.INTER_CUBIC) for m in heatmaps[:18]]
    return np.stack([cv2.GaussianBlur(m, (25, 25), 3) for m in maps])


# float16 is widened before the op, by NumPy and slowly: one canvas less says as much.
WORK = [*((c, "float32") for c in CANVASES), *((c, "float16") for c in CANVASES[:-1])]


@pytest.mark.parametrize(("canvas", "dtype"), WORK, ids=[f"{size(c)}-{d}" for c, d in WORK])
def test_find_peaks(case: Case, canvas: tuple[int, int], dtype: str) -> None:
    maps = smooth_maps(canvas).astype(dtype)
    whole = maps.astype(np.float32)
    counts = [len(ys) for ys, _ in with_dilate(whole, 0.1)]
    assert ops.find_peaks(maps, ties="all").counts.tolist() == counts, "two different answers"
    wanted = ops.find_peaks(whole)

    def check(name: str, answer: Any) -> None:
        if name == "cv2.dilate":
            assert [len(ys) for ys, _ in answer] == counts
        else:
            for mine, other in zip(answer, wanted, strict=True):
                np.testing.assert_array_equal(mine, other)

    programs = {"heatpose": lambda: ops.find_peaks(maps)}
    if dtype == "float32":
        programs["cv2.dilate"] = lambda: with_dilate(maps, 0.1)
    case(
        f"find_peaks 18 channels of {size(canvas)}, {dtype}",
        programs,
        check,
        work=Work(
            read=maps.nbytes, growth=(f"find_peaks, {dtype}", "pixels", canvas[0] * canvas[1])
        ),
        target_ms=8 if (canvas, dtype) == (CANVAS, "float32") else None,
    )


def test_reference(case: Case) -> None:
    maps = smooth_maps(CANVAS)
    wanted = ops.find_peaks(maps)

    def check(_: str, answer: Any) -> None:
        np.testing.assert_array_equal(answer[2], wanted.counts)
        np.testing.assert_array_equal(answer[0], wanted.xy)

    case(
        f"find_peaks 18 channels of {size(CANVAS)}, beside the reference",
        {
            "heatpose": lambda: ops.find_peaks(maps),
            "reference": lambda: reference.find_peaks(maps),
        },
        check,
    )


if __name__ == "__main__":
    harness.main(__file__)
