"""Peaks straight from the cells of 18 channels, beside OpenCV + SciPy + NumPy on canvas-size maps.

Run: python -m benchmarks.bench_peaks_from_cells
"""

from __future__ import annotations

import numpy as np

from benchmarks import classic
from benchmarks.bench_pipeline import CANVAS, SEARCH, crowd
from benchmarks.harness import compare, one_thread, report
from heatpose import ops


def classic_peaks(heatmaps: list[np.ndarray]) -> list[np.ndarray]:
    return classic.find_peaks(classic.average(heatmaps, CANVAS), 18)


def main() -> None:
    one_thread()
    for people, scales in ((5, (1.0,)), (50, (1.0,)), (5, SEARCH)):
        heatmaps = [np.ascontiguousarray(m[:18]) for m in crowd(people, scales)[0]]
        peaks = ops.peaks_from_cells(heatmaps, CANVAS, ties="all")
        for channel, want in enumerate(classic_peaks(heatmaps)):
            got = peaks.xy[channel, : peaks.counts[channel]]
            assert np.array_equal(got, want[:, :2]), "two different answers are not worth timing"
        arguments = (heatmaps, CANVAS)
        ours = compare({"heatpose": lambda a=arguments: ops.peaks_from_cells(*a)}, rounds=101)
        theirs = compare({"classic": lambda a=heatmaps: classic_peaks(a)}, rounds=3)
        title = f"peaks_from_cells 46x82 -> 1280x720, {len(scales)} scale(s), {people} people"
        report(title, {**ours, **theirs})


if __name__ == "__main__":
    main()
