"""57 channels of cells to a photo's size, one scale and four, beside cv2, PyTorch and NumPy.

Run: python -m benchmarks.bench_resize_average
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import harness
from benchmarks.harness import Case, Program, Work
from benchmarks.scenes import CANVAS, CANVASES, SCALES, Stack, cells_of, count, size
from heatpose import ops, reference

CHANNELS = 57
# A pixel's cells along one axis: four of the second resize's, each of four of the first's.
TAPS = 5


def with_cv2(maps: Stack, out: np.ndarray, *, steps: int = 2) -> np.ndarray:
    """The classic programs' two resizes per channel, without their detour over HWC copies.

    In one step it is less work, and another answer.
    """
    canvas = out.shape[1:]
    for channel, total in enumerate(out):
        for index, scale in enumerate(maps):
            plane = scale[channel]
            if steps == 2:
                larger = (plane.shape[1] * 8, plane.shape[0] * 8)
                plane = cv2.resize(plane, larger, interpolation=cv2.INTER_CUBIC)
            full = cv2.resize(plane, canvas[::-1], interpolation=cv2.INTER_CUBIC)
            if index == 0:
                np.multiply(full, 1 / len(maps), out=total)
            else:
                cv2.scaleAdd(full, 1 / len(maps), total, total)
    return out


def torch_program(maps: Stack, canvas: tuple[int, int]) -> dict[str, Program]:
    try:
        import torch
    except ImportError:
        return {}
    tensors = [torch.from_numpy(m)[None] for m in maps]

    def program() -> Any:
        total = None
        for tensor in tensors:
            enlarged = torch.nn.functional.interpolate(tensor, scale_factor=8, mode="bicubic")
            full = torch.nn.functional.interpolate(enlarged, canvas, mode="bicubic")
            total = full if total is None else total.add_(full)
        return total.div_(len(tensors))[0]

    return {"torch": program}


# The cells' type matters little where pixels are written: one case of float16.
WORK = [
    *((canvas, scales, "float32") for canvas in CANVASES for scales in SCALES),
    (CANVAS, (1.0,), "float16"),
]


@pytest.mark.parametrize(
    ("canvas", "scales", "dtype"), WORK, ids=[f"{size(c)}-{count(s)}-{d}" for c, s, d in WORK]
)
def test_resize(case: Case, canvas: tuple[int, int], scales: tuple[float, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.random((CHANNELS, *cells_of(canvas, s)), np.float32).astype(dtype) for s in scales]
    ours = np.zeros((CHANNELS, *canvas), np.float32)
    want = reference.resize_average([m[:1] for m in maps], canvas)

    def check(name: str, answer: Any) -> None:
        error = np.abs(np.asarray(answer)[:1] - want).max()
        assert error < 1e-5, f"{name} gives another answer: off by {error}"

    programs: dict[str, Program] = {"heatpose": lambda: ops.resize_average(maps, canvas, out=ours)}
    beside: dict[str, Program] = {"floor: fill": lambda: ours.fill(0)}
    if dtype == "float32" and canvas[0] <= 1080:
        theirs = np.zeros_like(ours)
        programs["cv2"] = lambda: with_cv2(maps, theirs)
        if canvas == CANVAS:
            programs |= torch_program(maps, canvas)
            beside["cv2, one step"] = lambda: with_cv2(maps, theirs, steps=1)
    cells = sum(m.shape[1] * canvas[1] + canvas[0] * canvas[1] for m in maps)
    case(
        f"resize_average {CHANNELS} channels, {count(scales)} -> {size(canvas)}, {dtype}",
        programs,
        check,
        beside=beside,
        work=Work(
            read=sum(m.nbytes for m in maps),
            written=ours.nbytes,
            multiply_adds=CHANNELS * TAPS * cells,
            growth=(f"resize_average, {count(scales)}", "pixels", canvas[0] * canvas[1])
            if dtype == "float32"
            else (),
        ),
        target_ms=20 if (canvas, len(scales), dtype) == (CANVAS, 1, "float32") else None,
    )


def test_reference(case: Case) -> None:
    one = np.random.default_rng(0).random((1, *cells_of(CANVAS)), np.float32)
    want = reference.resize_average(one, CANVAS)
    case(
        f"resize_average 1 channel, 1 scale -> {size(CANVAS)}, beside the reference",
        {
            "heatpose": lambda: ops.resize_average(one, CANVAS),
            "reference": lambda: reference.resize_average(one, CANVAS),
        },
        lambda _, answer: np.testing.assert_allclose(answer, want, atol=1e-5),
    )


if __name__ == "__main__":
    harness.main(__file__)
