"""57 channels of cells to 1280x720, one scale and four, beside cv2, PyTorch and NumPy.

Run: python -m benchmarks.bench_resize_average
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from benchmarks.harness import compare, one_thread, report, report_two_threads
from heatpose import ops, reference

CANVAS = (720, 1280)
CASES = {"1 scale": [(46, 82)], "4 scales": [(23, 41), (46, 82), (69, 123), (92, 164)]}


def with_cv2(maps: list[np.ndarray], out: np.ndarray, *, steps: int = 2) -> np.ndarray:
    """The classic programs' two resizes per channel, without their detour over HWC copies.

    In one step it is less work, and another answer.
    """
    for channel, total in enumerate(out):
        for index, scale in enumerate(maps):
            plane = scale[channel]
            if steps == 2:
                size = (plane.shape[1] * 8, plane.shape[0] * 8)
                plane = cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC)
            full = cv2.resize(plane, CANVAS[::-1], interpolation=cv2.INTER_CUBIC)
            if index == 0:
                np.multiply(full, 1 / len(maps), out=total)
            else:
                cv2.scaleAdd(full, 1 / len(maps), total, total)
    return out


def torch_program(maps: list[np.ndarray]) -> dict[str, Callable[[], Any]]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    tensors = [torch.from_numpy(m)[None] for m in maps]

    def program() -> Any:
        total = None
        for tensor in tensors:
            enlarged = torch.nn.functional.interpolate(tensor, scale_factor=8, mode="bicubic")
            full = torch.nn.functional.interpolate(enlarged, CANVAS, mode="bicubic")
            total = full if total is None else total.add_(full)
        return total.div_(len(tensors))[0]

    return {"torch": program}


def scaling() -> None:
    """One thread against two, not pinned."""
    maps = np.random.default_rng(0).random((57, 46, 82), np.float32)
    out = np.zeros((57, *CANVAS), np.float32)
    report_two_threads(
        "resize_average 57 channels, 1 scale",
        lambda: ops.resize_average(maps, CANVAS, out=out),
    )


def main() -> None:
    scaling()
    one_thread()
    rng = np.random.default_rng(0)
    for name, sizes in CASES.items():
        maps = [rng.random((57, *size), np.float32) for size in sizes]
        ours, theirs = (np.zeros((57, *CANVAS), np.float32) for _ in range(2))
        programs: dict[str, Callable[[], Any]] = {
            "heatpose": lambda maps=maps, out=ours: ops.resize_average(maps, CANVAS, out=out),
            "cv2": lambda maps=maps, out=theirs: with_cv2(maps, out),
            **torch_program(maps),
        }
        want = reference.resize_average([m[:2] for m in maps], CANVAS)
        for label, program in programs.items():
            error = np.abs(np.asarray(program())[:2] - want).max()
            assert error < 1e-5, f"{label} gives another answer: off by {error}"
        programs["cv2, one step"] = lambda maps=maps, out=theirs: with_cv2(maps, out, steps=1)
        programs["floor: fill"] = lambda out=ours: out.fill(0)
        medians = compare(programs, rounds=9, seconds=40)
        target = 20 if len(sizes) == 1 else None
        report(f"resize_average 57 channels, {name} -> {CANVAS}", medians, target_ms=target)
    one = maps[0][:1]
    programs = {
        "heatpose": lambda: ops.resize_average(one, CANVAS),
        "numpy": lambda: reference.resize_average(one, CANVAS),
    }
    report("resize_average 1 channel, 1 scale", compare(programs))


if __name__ == "__main__":
    main()
