"""Smoothing of 18 channels with sigma 3, beside cv2, SciPy, PyTorch and NumPy.

Run: python -m benchmarks.bench_gaussian_smooth
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import scipy.ndimage

from benchmarks import harness
from benchmarks.harness import Case, Check, Program, Work
from benchmarks.scenes import CANVAS, CANVASES, size
from heatpose import ops, reference

SIGMA = 3.0
CHANNELS = 18


def torch_program(maps: np.ndarray) -> dict[str, Program]:
    try:
        import torch
    except ImportError:
        return {}
    taps = torch.from_numpy(reference.gaussian_taps(SIGMA)).float()
    radius = len(taps) // 2
    planes = torch.from_numpy(maps)[:, None]
    functional = torch.nn.functional

    def program() -> Any:
        # torch has no border like SciPy's reflect; "reflect" there is SciPy's mirror.
        framed = functional.pad(planes, [radius] * 4, mode="reflect")
        down = functional.conv2d(framed, taps.reshape(1, 1, -1, 1))
        return functional.conv2d(down, taps.reshape(1, 1, 1, -1))[:, 0]

    return {"torch": program}


def checker(maps: np.ndarray) -> Check:
    want = reference.gaussian_smooth(maps[:1], SIGMA)[:, 12:-12, 12:-12]
    # A float16 answer is rounded to float16.
    tolerance = 1e-5 if maps.dtype == np.float32 else 1e-3

    def check(name: str, answer: Any) -> None:
        error = np.abs(np.asarray(answer)[:1, 12:-12, 12:-12] - want).max()
        assert error < tolerance, f"{name} gives another answer: off by {error}"

    return check


# float16 is widened before the op, by NumPy and slowly: one canvas less says as much.
WORK = [*((c, "float32") for c in CANVASES), *((c, "float16") for c in CANVASES[:-1])]


@pytest.mark.parametrize(("canvas", "dtype"), WORK, ids=[f"{size(c)}-{d}" for c, d in WORK])
def test_smooth(case: Case, canvas: tuple[int, int], dtype: str) -> None:
    maps = np.random.default_rng(0).random((CHANNELS, *canvas), np.float32).astype(dtype)
    out = np.zeros((CHANNELS, *canvas), np.float32)
    other = np.zeros_like(out)

    def with_cv2() -> np.ndarray:
        for plane, target in zip(maps, other, strict=True):
            cv2.GaussianBlur(plane, (25, 25), SIGMA, dst=target, borderType=cv2.BORDER_REFLECT)
        return other

    def with_scipy() -> np.ndarray:
        for plane, target in zip(maps, other, strict=True):
            scipy.ndimage.gaussian_filter(plane, SIGMA, output=target)
        return other

    programs: dict[str, Program] = {"heatpose": lambda: ops.gaussian_smooth(maps, SIGMA, out=out)}
    if dtype == "float32":
        programs["cv2"] = with_cv2
        if canvas[0] <= CANVAS[0]:
            programs |= {"scipy": with_scipy, **torch_program(maps)}
    case(
        f"gaussian_smooth 18 channels of {size(canvas)}, sigma 3, {dtype}",
        programs,
        checker(maps),
        beside={"floor: copy": lambda: np.copyto(other, maps)} if dtype == "float32" else None,
        work=Work(
            read=maps.nbytes,
            written=out.nbytes,
            multiply_adds=2 * 25 * maps.size,
            growth=(f"gaussian_smooth, {dtype}", "pixels", canvas[0] * canvas[1]),
        ),
        target_ms=30 if (canvas, dtype) == (CANVAS, "float32") else None,
    )


def test_reference(case: Case) -> None:
    maps = np.random.default_rng(0).random((1, *CANVAS), np.float32)
    case(
        f"gaussian_smooth 1 channel of {size(CANVAS)}, sigma 3, beside the reference",
        {
            "heatpose": lambda: ops.gaussian_smooth(maps, SIGMA),
            "reference": lambda: reference.gaussian_smooth(maps, SIGMA),
        },
        checker(maps),
    )


if __name__ == "__main__":
    harness.main(__file__)
