"""tf-pose-estimation's recordings through its adapter: every peak, every person, every id.

Integers are equal. Scores within 1e-5: the recording's maps went through TensorFlow's float32
convolution, ours through a separable one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapter_table import Golden, check, goldens
from heatpose.adapters import tf_pose

SCORE_TOLERANCE = 1e-5


def recordings(body: Path) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name, the network's output [h, w, 57] and what was recorded."""
    for path in sorted((body / "golden").glob("*.json")):
        for size, entry in json.loads(path.read_text()).get("inputs", {}).items():
            with np.load(body / "maps" / Path(entry["map_file"]).name) as file:
                output = file["output"].astype(np.float32).transpose(1, 2, 0)
            yield f"{path.stem} {size}", output, entry["tfpose"]


@pytest.fixture(scope="module")
def body(shared_data: Path) -> Path:
    return shared_data / "body"


def difference(humans: list[tf_pose.Human], golden: dict[str, Any]) -> tuple[float, float]:
    """Of places, which is infinite for a part too many or too few, and of scores."""
    people = golden["people"]
    places = 0.0 if len(humans) == len(people) else np.inf
    scores = 0.0
    for human, wanted in zip(humans, people, strict=False):
        scores = max(scores, abs(human.score - wanted["score"]))
        for part, point in enumerate(wanted["keypoints"]):
            found = human.body_parts.get(part)
            if found is None or point is None:
                places = places if found is point is None else np.inf
                continue
            places = max(places, abs(found.x - point[0]), abs(found.y - point[1]))
            scores = max(scores, abs(found.score - point[2]))
    return places, scores


@goldens
def rows(shared: Path) -> Iterator[Golden]:
    file = "body/golden/<photo>.json"
    for name, output, golden in recordings(shared / "body"):
        maps = output.repeat(4, axis=0).repeat(4, axis=1)
        assert list(maps.shape[:2]) == golden["upsampled_hw"]
        heat, paf = maps[:, :, :19], maps[:, :, 19:]
        peaks = tf_pose.find_peaks(heat)
        process = tf_pose.PafProcess()
        process.process_paf(peaks, heat, paf)

        wanted = golden["peaks"]
        cids = range(len(process))
        places = [(cid, process.get_part_x(cid), process.get_part_y(cid)) for cid in cids]
        subset = [
            [process.get_part_cid(human, part) for part in range(18)]
            for human in range(process.get_num_humans())
        ]
        same = places == [(p[0], p[2], p[3]) for p in wanted]
        same &= subset == [[int(cid) for cid in row[:18]] for row in golden["subset"]]
        scores = smoothed = [np.inf]
        if same:
            scores = [process.get_part_score(cid) - p[4] for cid, p in enumerate(wanted)]
            smoothed = [peaks[p[3], p[2], p[1]] - p[5] for p in wanted]
        compared = {
            "peaks and people": (0.0 if same else np.inf, 0.0),
            "peak scores": (np.abs(scores).max(initial=0), SCORE_TOLERANCE),
            "smoothed maps at peaks": (np.abs(smoothed).max(initial=0), SCORE_TOLERANCE),
        }
        for route, humans in (
            ("estimate_paf", tf_pose.PoseEstimator.estimate_paf(peaks, heat, paf)),
            ("estimate", tf_pose.estimate(output)),
        ):
            shares, values = difference(humans, golden)
            compared[f"{route}: places, shares of the map"] = (shares, 1e-9)
            compared[f"{route}: scores"] = (values, SCORE_TOLERANCE)
        for what, (largest, allowed) in compared.items():
            yield Golden("tf_pose", file, "tfpose", what, 1, float(largest), allowed, worst=name)


@goldens
def kernel_rows(shared: Path) -> Iterator[Golden]:
    path = "body/model/tfpose_smoothing_kernel.npz"
    with np.load(shared / path) as file:
        kernel = file["kernel"]
    largest = float(abs(tf_pose.gauss_kernel(25, 3)[:, :, 0, 0] - kernel).max())
    yield Golden("tf_pose", path, "kernel", "taps", kernel.size, largest, 1e-9)


def test_every_recording_is_repeated(shared_data: Path) -> None:
    check(rows(shared_data))


def test_the_kernel_is_the_recorded_one(shared_data: Path) -> None:
    check(kernel_rows(shared_data))


def test_peak_zero_never_decides_in_the_recordings(body: Path) -> None:
    for name, output, _ in recordings(body):
        maps = output.repeat(4, axis=0).repeat(4, axis=1)
        heat, paf = maps[:, :, :19], maps[:, :, 19:]
        peaks = tf_pose.find_peaks(heat)
        answers = []
        for flag in (False, True):
            process = tf_pose.PafProcess(zero_is_absent=flag)
            process.process_paf(peaks, heat, paf)
            answers.append(
                [
                    [process.get_part_cid(human, part) for part in range(18)]
                    for human in range(process.get_num_humans())
                ]
            )
        assert answers[0] == answers[1], name
