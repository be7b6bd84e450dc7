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

from benchmarks.harness import compare, one_thread, report
from heatpose import demo
from heatpose.adapters import tf_pose

CROWDS = (1, 5, 20, 50)
PAFPROCESS_MS = {5: 0.5}


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


def main() -> None:
    one_thread()
    pafprocess()


if __name__ == "__main__":
    main()
