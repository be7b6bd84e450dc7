"""The adapters for OpenPose's Python programs beside those programs' own way, one thread.

Run: python -m benchmarks.bench_adapters_openpose
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import openpose_programs
from benchmarks.bench_decode_hand_maps import planted_hand
from benchmarks.bench_pipeline import SEARCH, crowd
from benchmarks.harness import compare, one_thread, report
from benchmarks.openpose_programs import Program
from heatpose.adapters import controlnet_aux, paddlehub, pytorch_openpose
from heatpose.adapters.paddlehub import processor

CANVAS = (720, 1280)
CROP = (368, 368)
CASES = ((1, (1.0,)), (5, (1.0,)), (20, (1.0,)), (50, (1.0,)), (5, SEARCH))
TARGET = 300.0

Decode = Callable[..., tuple[np.ndarray, np.ndarray]]


def check_same(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> None:
    for got, want in zip(found, wanted, strict=True):
        assert got.shape == want.shape, "two different answers are not worth timing"
        assert np.abs(got - want).max(initial=0) < 1e-4, "different answers"


def bench_body(
    title: str, program: Program, decode: Decode, cases: Any = CASES, *, target: float = TARGET
) -> None:
    """The program loops for a second and more: few runs of it, many of ours, turn by turn."""
    for people, scales in cases:
        heatmaps, pafs = crowd(people, scales)
        canvas = (CANVAS[0], CANVAS[1])
        check_same(
            decode(heatmaps, pafs, canvas),
            openpose_programs.decode_body(program, heatmaps, pafs, canvas),
        )
        ours = lambda h=heatmaps, p=pafs: decode(h, p, CANVAS)  # noqa: E731
        medians = compare(
            {
                "heatpose": ours,
                "the program": lambda h=heatmaps, p=pafs: openpose_programs.decode_body(
                    program, h, p, CANVAS
                ),
            },
            rounds=3,
            seconds=30,
        )
        medians |= compare({"heatpose": ours}, rounds=51, seconds=3)
        report(f"{title} body 46x82 -> 1280x720, {len(scales)} scale(s), {people} people", medians)
        if len(scales) == 1:
            ratio = medians["the program"] / medians["heatpose"]
            assert ratio > target, f"{ratio:.0f}x is less than {target:.0f}x"


def bench_hand(
    title: str,
    program: Program,
    decode: Callable[..., np.ndarray],
    size: tuple[int, int] = CROP,
) -> None:
    maps = [planted_hand(cells) for cells in (23, 46, 69, 92)]
    wanted = openpose_programs.decode_hand(program, maps, size)
    assert np.array_equal(decode(maps, size), wanted), "two different answers"
    report(
        f"{title} hand 21 keypoints, 4 scales -> {size[0]}x{size[1]}",
        compare(
            {
                "heatpose": lambda: decode(maps, size),
                "the program": lambda: openpose_programs.decode_hand(program, maps, size),
            },
            rounds=15,
        ),
    )


def by_classes(heatmaps: Any, pafs: Any, canvas: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """PaddleHub's modules as they are put together, each class after the other."""
    input_size, pad = (8 * heatmaps[0].shape[1], 8 * heatmaps[0].shape[2]), [0, 0, 0, 0]
    remove = processor.RemovePadding()
    heat, fields = (remove(maps[0], input_size, canvas, pad) for maps in (heatmaps, pafs))
    peaks = processor.GetPeak()(heat)
    return processor.Candidate()(peaks, *processor.Connection()(peaks, fields, canvas))


def main() -> None:
    one_thread()
    bench_body("pytorch_openpose", Program(), pytorch_openpose.decode_body)
    bench_hand("pytorch_openpose", Program(), pytorch_openpose.decode_hand)
    paddle = Program(added_norm=True)
    bench_body("paddlehub", paddle, paddlehub.decode_body)
    bench_body("paddlehub, its classes,", paddle, by_classes, CASES[1:2], target=1.0)
    bench_hand("paddlehub", paddle, paddlehub.decode_hand)
    bench_body(
        "controlnet_aux",
        Program(by_channel=True),
        lambda heatmaps, pafs, size: controlnet_aux.decode_body(heatmaps[0], pafs[0], size),
        CASES[:4],
    )
    bench_hand(
        "controlnet_aux, its grid of",
        Program(by_channel=True),
        controlnet_aux.decode_hand,
        (128, 128),
    )


if __name__ == "__main__":
    main()
