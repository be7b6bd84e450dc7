"""Peaks straight from the cells of 18 channels, beside OpenCV + SciPy + NumPy on canvas-size maps.

Run: python -m benchmarks.bench_peaks_from_cells
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import classic, harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CANVAS, CANVASES, CROWDS, SEARCH, Stack, count, crowd, size
from heatpose import ops, reference


def classic_peaks(heatmaps: Stack, canvas: tuple[int, int]) -> list[np.ndarray]:
    return classic.find_peaks(classic.average(heatmaps, canvas), len(heatmaps[0]))


def find(case: Case, people: int, scales: tuple[float, ...], canvas: tuple[int, int]) -> None:
    heatmaps = [np.ascontiguousarray(m[:18]) for m in crowd(people, scales, canvas)[0]]
    found = ops.peaks_from_cells(heatmaps, canvas, ties="all")

    def check(name: str, answer: Any) -> None:
        if name != "classic":
            assert np.array_equal(answer.counts, ops.peaks_from_cells(heatmaps, canvas).counts)
            return
        for channel, want in enumerate(answer):
            got = found.xy[channel, : found.counts[channel]]
            assert np.array_equal(got, want[:, :2]), "two different answers are not worth timing"

    family = f"peaks_from_cells, {count(scales)}"
    growth = []
    if people == 5:
        growth.append((f"{family}, 5 people", "pixels", canvas[0] * canvas[1]))
    if canvas == CANVAS:
        growth.append((f"{family}, {size(canvas)}", "people", people))
    case(
        f"peaks_from_cells -> {size(canvas)}, {count(scales)}, {people} people",
        {
            "heatpose": lambda: ops.peaks_from_cells(heatmaps, canvas),
            "classic": lambda: classic_peaks(heatmaps, canvas),
        },
        check,
        work=Work(growth=tuple(growth)),
    )


@pytest.mark.parametrize("people", CROWDS)
def test_people(case: Case, people: int) -> None:
    find(case, people, (1.0,), CANVAS)


@pytest.mark.parametrize("canvas", [c for c in CANVASES if c != CANVAS], ids=size)
def test_canvas(case: Case, canvas: tuple[int, int]) -> None:
    find(case, 5, (1.0,), canvas)


@pytest.mark.parametrize("people", [5, 50])
def test_scales(case: Case, people: int) -> None:
    find(case, people, SEARCH, CANVAS)


def test_reference(case: Case) -> None:
    """One channel, which the reference takes a while for."""
    maps = np.ascontiguousarray(crowd(5)[0][0][:1])
    wanted = reference.peaks_from_cells(maps, CANVAS)

    def check(_: str, answer: Any) -> None:
        for mine, other in zip(answer[:3], wanted[:3], strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-5)

    case(
        f"peaks_from_cells -> {size(CANVAS)}, 1 channel",
        {
            "heatpose": lambda: ops.peaks_from_cells(maps, CANVAS),
            "reference": lambda: reference.peaks_from_cells(maps, CANVAS),
        },
        check,
    )


if __name__ == "__main__":
    harness.main(__file__)
