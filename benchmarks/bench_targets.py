"""Training targets of COCO-18 at stride 8, 1 to 20 people, one core.

Run: python -m benchmarks.bench_targets
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import size as name_of
from heatpose.datasets.targets import body_targets, heatmap_targets, paf_targets
from heatpose.reference import targets as reference
from heatpose.skeletons import COCO18


def crowd(rng: np.random.Generator, people: int, size: tuple[int, int]) -> np.ndarray:
    """People of a fifth to the whole of the photo's height, joints spread over a person."""
    height, width = size
    tall = rng.uniform(0.2, 1.0, (people, 1, 1)) * height
    middle = rng.uniform(0.1, 0.9, (people, 1, 2)) * (width, height)
    return middle + rng.uniform(-0.5, 0.5, (people, 18, 2)) * (0.4, 1.0) * tall


@pytest.mark.parametrize("people", [1, 5, 20])
@pytest.mark.parametrize("size", [(368, 368), (368, 656)], ids=name_of)
def test_targets(case: Case, size: tuple[int, int], people: int) -> None:
    rng = np.random.default_rng(0)
    keypoints = crowd(rng, people, size)
    known = rng.random((people, 18)) < 0.8
    cells, places = (size[0] // 8, size[1] // 8), keypoints / 8
    # The reference loops over cells in Python: two people are enough for it.
    few = (places[:2], known[:2])
    wanted = reference.heatmap_targets(*few, cells, 0.875)
    fields, _ = reference.paf_targets(*few, COCO18.limbs, cells, 1.0)

    def check(_: str, answer: Any) -> None:
        np.testing.assert_allclose(heatmap_targets(*few, cells, 0.875), wanted, atol=1e-5)
        found = paf_targets(*few, COCO18.limbs, cells, 1.0)[0]
        np.testing.assert_allclose(found, fields, atol=1e-5)
        assert answer.heatmaps.shape[1:] == cells

    case(
        f"targets {cells[0]} x {cells[1]}, {people} people, all with masks",
        {"heatpose": lambda: body_targets(keypoints, known, COCO18, size)},
        check,
        beside={
            "heatmaps": lambda: heatmap_targets(places, known, cells, 0.875),
            "heatmaps, rounded and cut": lambda: heatmap_targets(
                places, known, cells, 0.875, unbiased=False
            ),
            "fields": lambda: paf_targets(places, known, COCO18.limbs, cells, 1.0),
        },
        work=Work(growth=(f"targets {cells[0]} x {cells[1]}", "people", people)),
        two_threads=False,
    )


if __name__ == "__main__":
    harness.main(__file__)
