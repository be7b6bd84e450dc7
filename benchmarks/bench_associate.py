"""Peaks to people along fields sampled from 38 channels of cells, beside NumPy at canvas size.

Run: python -m benchmarks.bench_associate
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import heatpose as hp
from benchmarks import classic, harness
from benchmarks.harness import Case, Work
from benchmarks.scenes import CANVAS, CROWDS, SEARCH, count, crowd
from heatpose.ops import AssociateOptions, Peaks

SKELETON = hp.skeletons.COCO18
RULES = {"limbs": AssociateOptions(), "global": AssociateOptions.for_global()}


def classic_pairs(
    pafs: list[np.ndarray], peaks: Peaks, skeleton: hp.Skeleton
) -> list[list[tuple[int, int, float]]]:
    """Pairs of every limb: the fields on the canvas, then a loop over all pairs of peaks."""
    fields = classic.average(pafs, CANVAS)
    places = [peaks.xy[k, : peaks.counts[k]].astype(float) for k in range(len(peaks.counts))]
    return [
        classic.match(places[a], places[b], fields[:, :, list(channels)], CANVAS[0])
        for (a, b), channels in zip(skeleton.limbs, skeleton.paf_channels, strict=True)
    ]


@pytest.mark.parametrize(
    ("people", "scales"), [*((n, (1.0,)) for n in CROWDS), (5, SEARCH), (50, SEARCH)]
)
@pytest.mark.parametrize("rule", RULES)
def test_associate(case: Case, rule: str, people: int, scales: tuple[float, ...]) -> None:
    decoder = hp.BodyDecoder(SKELETON, association=RULES[rule])
    heatmaps, pafs = crowd(people, scales)
    peaks = decoder.find_peaks(heatmaps, CANVAS)
    groups = decoder.associate(peaks, pafs, CANVAS)

    def check(name: str, answer: Any) -> None:
        if name != "classic":
            np.testing.assert_array_equal(answer.people, groups.people)
            return
        for limb, want in enumerate(answer):
            got = groups.pairs[limb, : groups.pair_counts[limb]]
            same = np.array_equal(got, np.array([w[:2] for w in want]).reshape(-1, 2))
            assert same, "two different answers are not worth timing"

    programs = {"heatpose": lambda: decoder.associate(peaks, pafs, CANVAS)}
    if rule == "limbs":
        programs["classic"] = lambda: classic_pairs(pafs, peaks, SKELETON)
    pairs = sum(int(peaks.counts[a]) * int(peaks.counts[b]) for a, b in SKELETON.limbs)
    case(
        f"associate ({rule}), {count(scales)}, {people} people",
        programs,
        check,
        work=Work(growth=(f"associate ({rule}), {count(scales)}", "candidate pairs", pairs)),
    )


if __name__ == "__main__":
    harness.main(__file__)
