"""Real maps by the rules of the C++ OpenPose: no recording of it, but the Python one beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_body_goldens import openpose_cases

from heatpose.adapters.openpose import decode_body
from heatpose.skeletons import COCO18


def test_people_near_those_of_the_python_program(shared_data: Path) -> None:
    matched = recorded = found = 0
    for case in openpose_cases(shared_data / "body"):
        if case.content is not None:
            continue
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
    print(f"{matched} of {recorded} recorded people found again, {found} people in all")
    assert matched >= 0.85 * recorded
    assert recorded <= found <= 1.7 * recorded
