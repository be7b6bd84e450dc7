"""Peaks of 18 channels of 1280x720, beside cv2.dilate and NumPy.

Run: python -m benchmarks.bench_find_peaks
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.harness import compare, one_thread, report
from heatpose import demo, ops, reference

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def with_dilate(maps: np.ndarray, threshold: float) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for plane in maps:
        best = cv2.dilate(plane, CROSS)
        found.append(np.nonzero((plane >= best) & (plane > threshold)))
    return found


def main() -> None:
    one_thread()
    heatmaps, _, _ = demo.planted_crowd(5, canvas=(720, 1280), seed=0)
    maps = np.stack(
        [cv2.resize(m, (1280, 720), interpolation=cv2.INTER_CUBIC) for m in heatmaps[:18]]
    )
    maps = np.stack([cv2.GaussianBlur(m, (25, 25), 3) for m in maps])
    ours = ops.find_peaks(maps, ties="all")
    theirs = with_dilate(maps, 0.1)
    assert ours.counts.tolist() == [len(ys) for ys, _ in theirs], "two different answers"
    report(
        "find_peaks 18 x 720 x 1280",
        compare(
            {
                "heatpose": lambda: ops.find_peaks(maps),
                "cv2.dilate": lambda: with_dilate(maps, 0.1),
                "numpy": lambda: reference.find_peaks(maps),
            }
        ),
        target_ms=8,
    )


if __name__ == "__main__":
    main()
