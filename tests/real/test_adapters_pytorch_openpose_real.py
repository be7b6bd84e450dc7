"""Recordings of pytorch-openpose on real maps, through its adapter: one table, a row each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_body_goldens import Case, openpose_cases

from heatpose.adapters.pytorch_openpose import decode_body, util
from openpose_support import table

# The program averages in float64, heatpose in float32: a peak's score is a sum of up to 100 terms
# of at most 1, a person's of up to 37 such scores.
PEAK_TOLERANCE, PERSON_TOLERANCE = 1e-6, 1e-5


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    found = openpose_cases(shared_data / "body")
    assert len(found) >= 32
    return found


def pads_of(case: Case) -> list[tuple[int, int, int, int]] | None:
    if case.content is None:
        return None
    return [
        (0, 0, 8 * maps.shape[1] - height, 8 * maps.shape[2] - width)
        for maps, (height, width) in zip(case.maps, case.content, strict=True)
    ]


def decode(case: Case, **settings: Any) -> tuple[Any, Any]:
    return decode_body(
        [maps[None] for maps in case.heatmaps],
        [maps[None] for maps in case.pafs],
        case.canvas,
        pads=pads_of(case),
        as_written=case.name.endswith("as written"),
        **settings,
    )


def recorded(case: Case) -> tuple[Any, Any]:
    peaks = [peak for part in case.golden["peaks_per_part"] for peak in part]
    return np.array(peaks, float), np.array(case.golden["subset"], float).reshape(-1, 20)


def test_every_recording_is_repeated(cases: list[Case]) -> None:
    rows = [("recording", "peaks", "people", "places", "ids", "peak scores", "person scores")]
    for case in cases:
        (candidate, subset), (peaks, people) = decode(case), recorded(case)
        assert candidate.dtype == subset.dtype == np.float64
        assert candidate.shape == peaks.shape, case.name
        assert subset.shape == people.shape, case.name
        places = np.abs(candidate - peaks).reshape(-1, 4)
        ids = np.abs(subset - people)
        worst = [
            part.max(initial=0)
            for part in (places[:, :2], np.delete(ids, 18, 1), places[:, 2], ids[:, 18])
        ]
        rows.append(
            (case.name, str(len(peaks)), str(len(people)), *(f"{value:.1e}" for value in worst))
        )
        assert worst[0] == 0 and worst[1] == 0, case.name
        assert worst[2] < PEAK_TOLERANCE and worst[3] < PERSON_TOLERANCE, case.name
    print(f"\nlargest differences; tolerances 0, 0, {PEAK_TOLERANCE}, {PERSON_TOLERANCE}")
    print(table(rows))


def test_no_recording_has_a_conflict(cases: list[Case]) -> None:
    for case in cases:
        for got, want in zip(decode(case, classic=False), decode(case), strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_wrong_average_is_noticed(cases: list[Case]) -> None:
    written = [case for case in cases if case.name.endswith("as written")]
    assert len(written) >= 4
    for case in written:
        mean = decode_body(case.heatmaps, case.pafs, case.canvas, pads=pads_of(case))
        wanted = recorded(case)[0]
        same = mean[0].shape == wanted.shape and np.allclose(mean[0], wanted, atol=1e-3)
        assert not same, case.name


def test_hand_boxes_of_the_recorded_people(cases: list[Case]) -> None:
    hands = 0
    for case in cases:
        candidate, subset = recorded(case)
        for x, y, width, _ in util.handDetect(candidate, subset, case.canvas):
            assert 0 <= x <= case.canvas[1] - width and 0 <= y <= case.canvas[0] - width
            assert width >= 20
            hands += 1
    print(f"{hands} hands")
    assert hands > 40
