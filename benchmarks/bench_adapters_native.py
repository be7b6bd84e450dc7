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
import torch

from benchmarks import classic_lightweight
from benchmarks.harness import compare, one_thread, report
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


def pafprocess() -> None:
    original = installed("tf_pose.pafprocess.pafprocess")
    for people in CROWDS:
        heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
        output = np.concatenate([heatmaps, pafs]).transpose(1, 2, 0)
        maps = output.repeat(4, axis=0).repeat(4, axis=1)
        heat, paf = (np.ascontiguousarray(m) for m in (maps[:, :, :19], maps[:, :, 19:]))
        peaks = tf_pose.find_peaks(heat)
        process = tf_pose.PafProcess()
        programs = {"heatpose": lambda: process.process_paf(peaks, heat, paf)}  # noqa: B023
        if original is not None:
            programs["C++"] = lambda: original.process_paf(peaks, heat, paf)  # noqa: B023
        report(
            f"pafprocess 184 x 328, {people} people",
            compare(programs, rounds=31),
            target_ms=PAFPROCESS_MS.get(people),
        )
        whole = {
            "heatpose": lambda: tf_pose.estimate(output),  # noqa: B023
            "cv2 and estimate_paf": lambda: with_cv2(output),  # noqa: B023
        }
        found = [len(program()) for program in whole.values()]
        assert found[0] == found[1], "two different answers"
        report(f"tf-pose after the network, {people} people", compare(whole))


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


def trt_pose() -> None:
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
    for people in CROWDS:
        heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
        cmap, paf = torch.from_numpy(heatmaps[None, :18].copy()), torch.from_numpy(pafs[None])
        programs = {
            "heatpose": lambda: parse(cmap, paf),  # noqa: B023
            "heatpose, step by step": lambda: parse_with(plugins, topology, cmap, paf),  # noqa: B023
        }
        if original is not None:
            programs["C++"] = lambda: parse_with(original, topology, cmap, paf)  # noqa: B023
        for program in programs.values():
            for mine, theirs in zip(parse(cmap, paf), program(), strict=True):
                assert torch.equal(mine, theirs), "two different answers"
        report(
            f"trt_pose 46 x 82, {people} people",
            compare(programs, rounds=101),
            target_ms=TRT_POSE_MS[people],
        )


def parse_with(steps: Any, topology: Any, cmap: Any, paf: Any) -> tuple[Any, Any, Any]:
    """What ParseObjects does, with the functions of ``steps``."""
    counts, peaks = steps.find_peaks(cmap, 0.1, 5, 100)
    places = steps.refine_peaks(counts, peaks, cmap, 5)
    scores = steps.paf_score_graph(paf, topology, counts, places, 7)
    connections = steps.assignment(scores, topology, counts, 0.1)
    return (*steps.connect_parts(connections, topology, counts, 100), places)


def lightweight() -> None:
    for people in CROWDS:
        heatmaps, pafs, _ = demo.planted_crowd(people, seed=0)
        heat, paf = (
            cv2.resize(m.transpose(1, 2, 0), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
            for m in (heatmaps, pafs)
        )
        programs = {
            "heatpose": lambda: people_of(lightweight_human_pose, heat, paf),  # noqa: B023
            "NumPy": lambda: people_of(classic_lightweight, heat, paf),  # noqa: B023
        }
        found = [program() for program in programs.values()]
        np.testing.assert_array_equal(*found)
        report(f"lightweight 184 x 328, {people} people", compare(programs))


def people_of(program: Any, heat: np.ndarray, paf: np.ndarray) -> np.ndarray:
    keypoints: list[Any] = []
    total = 0
    for part in range(18):
        total += program.extract_keypoints(heat[:, :, part], keypoints, total)
    return program.group_keypoints(keypoints, paf)[0]


def main() -> None:
    one_thread()
    pafprocess()
    trt_pose()
    lightweight()


if __name__ == "__main__":
    main()
