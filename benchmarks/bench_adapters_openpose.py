"""The adapters for OpenPose's Python programs beside those programs' own way, one thread.

Run: python -m benchmarks.bench_adapters_openpose
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks import harness, openpose_programs
from benchmarks.bench_decode_hand_maps import planted_hand
from benchmarks.harness import Case
from benchmarks.openpose_programs import Program
from benchmarks.scenes import SEARCH, count, crowd
from heatpose.adapters import controlnet_aux, openpose, paddlehub, pytorch_openpose
from heatpose.adapters.paddlehub import processor
from heatpose.skeletons import COCO18

CANVAS = (720, 1280)
CROP = (368, 368)
CASES = ((1, (1.0,)), (5, (1.0,)), (20, (1.0,)), (50, (1.0,)), (5, SEARCH))
# Times as fast: bodies at one scale, and hands.
TARGET, HAND_TARGET = 300.0, 10.0
ADAPTERS = ("pytorch_openpose", "paddlehub", "controlnet_aux")

Decode = Callable[..., tuple[np.ndarray, np.ndarray]]


def check_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.shape == want.shape, "two different answers are not worth timing"
        assert np.abs(got - want).max(initial=0) < 1e-4, "different answers"


def by_classes(heatmaps: Any, pafs: Any, canvas: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """PaddleHub's modules as they are put together, each class after the other."""
    input_size, pad = (8 * heatmaps[0].shape[1], 8 * heatmaps[0].shape[2]), [0, 0, 0, 0]
    remove = processor.RemovePadding()
    heat, fields = (remove(maps[0], input_size, canvas, pad) for maps in (heatmaps, pafs))
    peaks = processor.GetPeak()(heat)
    return processor.Candidate()(peaks, *processor.Connection()(peaks, fields, canvas))


PLAIN, ADDED, BY_CHANNEL = Program(), Program(added_norm=True), Program(by_channel=True)


def one_scale(heatmaps: Any, pafs: Any, canvas: tuple[int, int]) -> Any:
    """controlnet_aux knows no search."""
    return controlnet_aux.decode_body(heatmaps[0], pafs[0], canvas)


BODIES: dict[str, tuple[Program, Decode, Any]] = {
    "pytorch_openpose": (PLAIN, pytorch_openpose.decode_body, CASES),
    "paddlehub": (ADDED, paddlehub.decode_body, CASES),
    "paddlehub, its classes,": (ADDED, by_classes, CASES[1:2]),
    "controlnet_aux": (BY_CHANNEL, one_scale, CASES[:4]),
}
HANDS: dict[str, tuple[Program, Callable[..., np.ndarray], tuple[int, int]]] = {
    "pytorch_openpose": (PLAIN, pytorch_openpose.decode_hand, CROP),
    "paddlehub": (ADDED, paddlehub.decode_hand, CROP),
    "controlnet_aux, its grid of": (BY_CHANNEL, controlnet_aux.decode_hand, (128, 128)),
}


@pytest.mark.parametrize(
    ("name", "people", "scales"), [(name, *one) for name, row in BODIES.items() for one in row[2]]
)
def test_body(case: Case, name: str, people: int, scales: tuple[float, ...]) -> None:
    program, decode, _ = BODIES[name]
    heatmaps, pafs = crowd(people, scales)
    wanted = decode(heatmaps, pafs, CANVAS)
    case(
        f"{name} body 46x82 -> 1280x720, {count(scales)}, {people} people",
        {
            "heatpose": lambda: decode(heatmaps, pafs, CANVAS),
            "the program": lambda: openpose_programs.decode_body(program, heatmaps, pafs, CANVAS),
        },
        lambda _, answer: check_same(answer, wanted),
        two_threads=False,
        adapter=f"{name} body",
        target_times=TARGET if len(scales) == 1 and name in ADAPTERS else None,
    )


@pytest.mark.parametrize("name", HANDS)
def test_hand(case: Case, name: str) -> None:
    program, decode, size = HANDS[name]
    maps = [planted_hand(cells) for cells in (23, 46, 69, 92)]
    wanted = openpose_programs.decode_hand(program, maps, size)

    def check(_: str, answer: Any) -> None:
        assert np.array_equal(answer, wanted), "two different answers"

    case(
        f"{name} hand 21 keypoints, 4 scales -> {size[0]}x{size[1]}",
        {
            "heatpose": lambda: decode(maps, size),
            "the program": lambda: openpose_programs.decode_hand(program, maps, size),
        },
        check,
        two_threads=False,
        adapter=f"{name} hand",
        target_times=HAND_TARGET,
    )


@pytest.mark.parametrize("people", [1, 5, 20])
def test_openpose_body(case: Case, people: int) -> None:
    """The C++ program's rules, which smooth nothing: every bump of the noise is a peak."""
    (heatmaps,), (pafs,) = crowd(people, (1.0,))
    wanted = len(pytorch_openpose.decode_body(heatmaps, pafs, CANVAS)[1])

    def check(_: str, answer: openpose.Datum) -> None:
        assert len(answer.poseKeypoints) >= 0.8 * wanted, "people are missing"

    case(
        f"openpose body 46x82 -> 656x368, {people} people",
        {"heatpose": lambda: openpose.decode_body(heatmaps, pafs, CANVAS, skeleton=COCO18)},
        check,
        two_threads=False,
        adapter="openpose body",
    )


if __name__ == "__main__":
    harness.main(__file__)
