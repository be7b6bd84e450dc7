"""Where the C++ OpenPose's rules put people on real maps, beside the Python program's record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_body_goldens import openpose_cases

from heatpose.adapters.openpose import decode_body
from heatpose.skeletons import COCO18

RECORDED, FOUND = 60, 63
"""The rules differ (smoothing, pairs in one list, filters); so do three people."""
NEAR = 3.0
"""Pixels of the photo: the program smooths and gives whole pixels, OpenPose a centroid."""


def test_people_are_where_the_recording_has_them(shared_data: Path) -> None:
    recorded = found = 0
    distances: list[float] = []
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
            away = np.hypot(*np.moveaxis(datum.poseKeypoints[..., :2] - places, -1, 0))
            away[datum.poseKeypoints[..., 2] <= 0] = np.nan
            near = (away < NEAR).sum(axis=1)
            assert near.max() >= 0.75 * np.isfinite(places[:, 0]).sum()
            best = away[near.argmax()]
            distances += best[np.isfinite(best)].tolist()
    share, middle = np.mean(np.array(distances) < NEAR), np.median(distances)
    print(
        f"{recorded} people recorded, {found} found; of {len(distances)} keypoints {share:.1%} "
        f"within {NEAR:g} pixels, half of them within {middle:.2f}"
    )
    assert (recorded, found) == (RECORDED, FOUND)
    assert share >= 0.98
    assert middle < 1.0
