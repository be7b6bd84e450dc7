"""Recordings of pytorch-openpose, which PaddleHub's modules agree with but for a length of 1e-5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_body_goldens import Case, openpose_cases

from heatpose.adapters.paddlehub import decode_body, processor
from openpose_support import table

# Pairs are longer by 1e-5 of at least 1 pixel: a limb's score changes by 1e-5 of its own and of the
# penalty for lengths beyond half the photo, a person's by up to 17 of these. Peaks do not.
PEAK_TOLERANCE, PERSON_TOLERANCE = 1e-6, 3e-5


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    found = [case for case in openpose_cases(shared_data / "body") if case.weights is None]
    assert len(found) >= 28
    return found


def test_every_recording_is_repeated(cases: list[Case]) -> None:
    rows = [("recording", "by", "peaks", "people", "places", "ids", "peak scores", "person scores")]
    for case in cases:
        peaks = np.array([p for part in case.golden["peaks_per_part"] for p in part], float)
        people = np.array(case.golden["subset"], float).reshape(-1, 20)
        pads = None
        if case.content is not None:
            pads = [
                [0, 0, 8 * maps.shape[1] - height, 8 * maps.shape[2] - width]
                for maps, (height, width) in zip(case.maps, case.content, strict=True)
            ]
        found = {"function": decode_body(case.heatmaps, case.pafs, case.canvas, pads=pads)}
        if len(case.maps) == 1:
            found["classes"] = by_classes(case)
        for way, (candidate, subset) in found.items():
            assert candidate.shape == peaks.shape and subset.shape == people.shape, case.name
            places = np.abs(candidate - peaks).reshape(-1, 4)
            ids = np.abs(subset - people)
            worst = [
                part.max(initial=0)
                for part in (places[:, :2], np.delete(ids, 18, 1), places[:, 2], ids[:, 18])
            ]
            counts = (str(len(peaks)), str(len(people)))
            rows.append((case.name, way, *counts, *(f"{value:.1e}" for value in worst)))
            assert worst[0] == 0 and worst[1] == 0, case.name
            assert worst[2] < PEAK_TOLERANCE and worst[3] < PERSON_TOLERANCE, case.name
    print(f"\nlargest differences; tolerances 0, 0, {PEAK_TOLERANCE}, {PERSON_TOLERANCE}")
    print(table(rows))


def by_classes(case: Case) -> tuple[np.ndarray, np.ndarray]:
    (heatmaps,), (pafs,) = case.heatmaps, case.pafs
    padded = (8 * heatmaps.shape[1], 8 * heatmaps.shape[2])
    remove = processor.RemovePadding()
    heat, fields = (remove(maps, padded, case.canvas, [0, 0, 0, 0]) for maps in (heatmaps, pafs))
    peaks = processor.GetPeak()(heat)
    return processor.Candidate()(peaks, *processor.Connection()(peaks, fields, case.canvas))
