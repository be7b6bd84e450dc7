"""Real maps by the rules of the C++ OpenPose: no recording of it, but the Python one beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from test_body_goldens import openpose_cases

from adapter_table import Golden, check, goldens
from heatpose.adapters.openpose import decode_body
from heatpose.skeletons import COCO18


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    matched = recorded = found = 0
    cases = [case for case in openpose_cases(shared / "body") if case.content is None]
    for case in cases:
        datum = decode_body(case.heatmaps[0], case.pafs[0], case.canvas, skeleton=COCO18)
        found += len(datum.poseKeypoints)
        for person in case.golden["people"]:
            recorded += 1
            places = np.array(
                [point[:2] if point else (np.nan, np.nan) for point in person["keypoints"]]
            )
            near = 0.04 * max(case.canvas)
            seen = datum.poseKeypoints[..., 2] > 0
            away = np.hypot(*np.moveaxis(datum.poseKeypoints[..., :2] - places, -1, 0))
            same = ((away < near) & seen).sum(axis=1)
            matched += int((same >= 0.7 * np.isfinite(places[:, 0]).sum()).any())
    for compared, difference, allowed in (
        ("share of people not found again", 1 - matched / recorded, 0.15),
        ("share of people beyond the recorded", found / recorded - 1, 0.7),
    ):
        yield Golden(
            "openpose",
            "body/golden/<photo>.json",
            "openpose_python, other rules",
            compared,
            len(cases),
            max(difference, 0.0),
            allowed,
        )
    assert found >= recorded


def test_people_near_those_of_the_python_program(shared_data: Path) -> None:
    check(rows(shared_data))
