"""Smoothing of 18 channels of 1280x720 with sigma 3, beside cv2, SciPy, PyTorch and NumPy.

Run: python -m benchmarks.bench_gaussian_smooth
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import scipy.ndimage

from benchmarks.harness import compare, one_thread, report, report_two_threads
from heatpose import ops, reference

SIGMA = 3.0


def torch_program(maps: np.ndarray) -> dict[str, Callable[[], Any]]:
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
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


def scaling(maps: np.ndarray, out: np.ndarray) -> None:
    """One thread against two, not pinned."""
    report_two_threads(
        "gaussian_smooth 18 x 720 x 1280", lambda: ops.gaussian_smooth(maps, SIGMA, out=out)
    )


def main() -> None:
    maps = np.random.default_rng(0).random((18, 720, 1280), np.float32)
    out, other = np.zeros_like(maps), np.zeros_like(maps)
    scaling(maps, out)
    one_thread()

    def with_cv2() -> np.ndarray:
        for plane, target in zip(maps, other, strict=True):
            cv2.GaussianBlur(plane, (25, 25), SIGMA, dst=target, borderType=cv2.BORDER_REFLECT)
        return other

    def with_scipy() -> np.ndarray:
        for plane, target in zip(maps, other, strict=True):
            scipy.ndimage.gaussian_filter(plane, SIGMA, output=target)
        return other

    programs: dict[str, Callable[[], Any]] = {
        "heatpose": lambda: ops.gaussian_smooth(maps, SIGMA, out=out),
        "cv2": with_cv2,
        "scipy": with_scipy,
        **torch_program(maps),
    }
    want = reference.gaussian_smooth(maps[:1], SIGMA)[:, 12:-12, 12:-12]
    for label, program in programs.items():
        error = np.abs(np.asarray(program())[:1, 12:-12, 12:-12] - want).max()
        assert error < 1e-5, f"{label} gives another answer: off by {error}"
    programs["numpy, one channel"] = lambda: reference.gaussian_smooth(maps[:1], SIGMA)
    programs["floor: copy"] = lambda: np.copyto(other, maps)
    medians = compare(programs, rounds=9, seconds=40)
    report("gaussian_smooth 18 x 720 x 1280, sigma 3", medians, target_ms=30)


if __name__ == "__main__":
    main()
