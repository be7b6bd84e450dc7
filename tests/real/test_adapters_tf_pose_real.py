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


def differences(humans: list[tf_pose.Human], golden: dict[str, Any]) -> tuple[int, float]:
    """Parts that differ, and the largest difference of a score."""
    wrong, largest = abs(len(humans) - len(golden["people"])), 0.0
    for human, wanted in zip(humans, golden["people"], strict=False):
        largest = max(largest, abs(human.score - wanted["score"]))
        for part, point in enumerate(wanted["keypoints"]):
            found = human.body_parts.get(part)
            if found is None or point is None:
                wrong += (found is None) != (point is None)
            else:
                wrong += not np.allclose((found.x, found.y), point[:2], rtol=0, atol=1e-9)
                largest = max(largest, abs(found.score - point[2]))
    return wrong, largest


def test_the_kernel_is_the_recorded_one(body: Path) -> None:
    with np.load(body / "model" / "tfpose_smoothing_kernel.npz") as file:
        kernel = file["kernel"]
    largest = abs(tf_pose.gauss_kernel(25, 3)[:, :, 0, 0] - kernel).max()
    print(f"smoothing kernel 25 x 25: largest difference {largest:.1e}")
    assert largest < 1e-9


def test_every_recording_is_repeated(body: Path) -> None:
    totals = [0, 0]
    for name, output, golden in recordings(body):
        maps = output.repeat(4, axis=0).repeat(4, axis=1)
        assert list(maps.shape[:2]) == golden["upsampled_hw"]
        heat, paf = maps[:, :, :19], maps[:, :, 19:]
        peaks = tf_pose.find_peaks(heat)
        process = tf_pose.PafProcess()
        process.process_paf(peaks, heat, paf)

        wanted = golden["peaks"]
        found = [
            (process.get_part_x(cid), process.get_part_y(cid), process.get_part_score(cid))
            for cid in range(len(process))
        ]
        assert [p[:2] for p in found] == [(p[2], p[3]) for p in wanted], name
        assert [p[0] for p in wanted] == list(range(len(found)))
        scores = np.array([p[2] for p in found]) - [p[4] for p in wanted]
        smoothed = [peaks[p[3], p[2], p[1]] - p[5] for p in wanted]
        rows = [
            [process.get_part_cid(human, part) for part in range(18)]
            for human in range(process.get_num_humans())
        ]
        assert rows == [[int(cid) for cid in row[:18]] for row in golden["subset"]], name
        lines = {
            "peak scores": np.abs(scores).max(initial=0),
            "smoothed": np.abs(smoothed).max(initial=0),
        }
        for route, humans in (
            ("estimate_paf", tf_pose.PoseEstimator.estimate_paf(peaks, heat, paf)),
            ("estimate", tf_pose.estimate(output)),
        ):
            wrong, lines[route] = differences(humans, golden)
            assert wrong == 0, (name, route)
        print(
            f"tfpose {name}: {len(found)} peaks and {len(rows)} people equal; largest difference "
            + ", ".join(f"{what} {value:.1e}" for what, value in lines.items())
        )
        assert max(lines.values()) < SCORE_TOLERANCE, name
        totals[0] += len(found)
        totals[1] += len(rows)
    print(f"tfpose in all: {totals[0]} peaks, {totals[1]} people")
    assert totals[0] > 900


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
