"""People on a 46 x 82 grid, all at once and step by step, with SciPy's assignment beside.

Run: python -m benchmarks.bench_grid_people
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from benchmarks import harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CROWDS
from heatpose import demo, ops
from heatpose.skeletons import COCO18

LIMBS, CHANNELS = COCO18.limbs, COCO18.paf_channels
TARGETS_MS = {1: 0.19, 5: 0.25, 20: 0.52, 50: 1.5}


def step_by_step(heatmaps: np.ndarray, pafs: np.ndarray, *, scipy: bool = False) -> Any:
    peaks = ops.find_peaks(heatmaps, window=5, inclusive=True, ties="all", keep="first")
    places = ops.refine_peaks(peaks.xy, peaks.counts, heatmaps)
    scores = ops.score_pairs(places, peaks.counts, pafs, LIMBS, CHANNELS)
    assign = with_scipy if scipy else ops.assign_pairs
    partners = assign(scores, peaks.counts, LIMBS)
    return ops.connect_peaks(partners, peaks.counts, LIMBS)


def with_scipy(scores: np.ndarray, counts: np.ndarray, limbs: Any) -> np.ndarray:
    partners = np.full((len(limbs), 2, scores.shape[-1]), -1, np.int32)
    for limb, (a, b) in enumerate(limbs):
        own = scores[limb, : counts[a], : counts[b]]
        rows, columns = linear_sum_assignment(own, maximize=True)
        kept = own[rows, columns] > 0.1
        partners[limb, 0, rows[kept]] = columns[kept]
        partners[limb, 1, columns[kept]] = rows[kept]
    return partners


@pytest.mark.parametrize("people", CROWDS)
def test_grid_people(case: Case, people: int) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
    heatmaps = heatmaps[:18]
    wanted = ops.grid_people(heatmaps, pafs, LIMBS, CHANNELS).people
    case(
        f"grid_people 46 x 82, {people} people",
        {
            "heatpose": lambda: ops.grid_people(heatmaps, pafs, LIMBS, CHANNELS),
            "step by step": lambda: step_by_step(heatmaps, pafs),
            "with SciPy": lambda: step_by_step(heatmaps, pafs, scipy=True),
        },
        lambda _, answer: np.testing.assert_array_equal(answer.people, wanted),
        work=Work(growth=("grid_people", "people", people)),
        target_ms=TARGETS_MS.get(people),
    )


if __name__ == "__main__":
    harness.main(__file__)
