"""Recordings of pytorch-openpose on real maps, through its adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_body_goldens import Case, openpose_cases

from adapter_table import Golden, check, goldens
from heatpose.adapters.pytorch_openpose import decode_body, util
from openpose_support import body_rows

# The program averages in float64, heatpose in float32: a peak's score is a sum of up to 100 terms
# of at most 1, a person's of up to 37 such scores.
TOLERANCES = 1e-6, 1e-5


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


def source(case: Case) -> tuple[str, str]:
    """The golden files that a case is of, and its row in them."""
    if case.content is None:
        return "body/golden/<photo>.json", "openpose_python"
    row = "as_written" if case.name.endswith("as written") else "mean"
    return "body/golden/multiscale__<photo>.json", row


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


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    for case in openpose_cases(shared / "body"):
        found = decode(case)
        assert all(one.dtype == np.float64 for one in found)
        yield from body_rows(
            "pytorch_openpose", *source(case), case.name, found, recorded(case), TOLERANCES
        )


def test_every_recording_is_repeated(shared_data: Path) -> None:
    check(rows(shared_data))


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
