"""What several benchmarks decode: planted crowds on canvases of several sizes."""

from __future__ import annotations

from functools import cache

import numpy as np

from heatpose import demo

CANVAS = (720, 1280)
# (height, width)
CANVASES = ((480, 640), CANVAS, (1080, 1920), (2160, 3840))
SEARCH = (0.5, 1.0, 1.5, 2.0)
SCALES = ((1.0,), SEARCH)
CROWDS = (1, 5, 20, 50, 100)
BATCHES = (1, 8, 64, 256)

Stack = list[np.ndarray]


def size(canvas: tuple[int, int]) -> str:
    """As photos' sizes are told: "1280x720"."""
    return f"{canvas[1]}x{canvas[0]}"


def count(scales: tuple[float, ...]) -> str:
    """ "1 scale" or "4 scales"."""
    return f"{len(scales)} scale{'s' if len(scales) > 1 else ''}"


def cells_of(canvas: tuple[int, int], scale: float = 1.0) -> tuple[int, int]:
    """Cells (h, w) of a network whose input is 368 pixels high, with a stride of 8."""
    return int(46 * scale), int(round(46 * canvas[1] / canvas[0]) * scale)


@cache
def crowd(
    people: int, scales: tuple[float, ...] = (1.0,), canvas: tuple[int, int] = CANVAS
) -> tuple[Stack, Stack]:
    """Heatmaps [19, h, w] and fields [38, h, w] of every scale."""
    planted = [
        demo.planted_crowd(people, cells=cells_of(canvas, s), canvas=canvas, seed=1, noise=0.01)
        for s in scales
    ]
    return [p[0] for p in planted], [p[1] for p in planted]


def smooth_noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A photo that is no photo: blurred noise, uint8 [H, W, 3]."""
    import cv2

    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (9, 9), 2))
