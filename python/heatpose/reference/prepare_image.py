"""Network inputs from photos, in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def resize_cubic(image: npt.ArrayLike, size: tuple[int, int], steps: tuple[float, float]) -> Array:
    """Cubic resize of [H, W, C] to float64 [h, w, C], neither rounded nor clamped.

    Content pixel (x, y) is sampled at ((x, y) + 0.5) * step - 0.5; steps are (y, x) in photo
    pixels, borders are clamped, a = -0.75.
    """
    pixels = np.asarray(image, np.float64)
    down = _cubic_matrix(pixels.shape[0], size[0], steps[0])
    across = _cubic_matrix(pixels.shape[1], size[1], steps[1])
    rows = np.tensordot(down, pixels, axes=1)  # [h, W, C]
    return np.asarray((across @ rows), np.float64)


def _cubic_matrix(cells: int, rows: int, step: float) -> Array:
    source = (np.arange(rows) + 0.5) * step - 0.5
    base = np.floor(source)
    matrix = np.zeros((rows, cells))
    for tap in range(-1, 3):
        index = np.clip(base + tap, 0, cells - 1).astype(int)
        np.add.at(matrix, (np.arange(rows), index), _cubic(np.abs(source - base - tap)))
    return matrix


def _cubic(distance: Array) -> Array:
    a, x = -0.75, distance
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def prepare_image(
    image: npt.ArrayLike,
    *,
    size: tuple[int, int] | None = None,
    scale: float | None = None,
    stride: int = 8,
    pad_value: int = 128,
    norm_scale: float = 1 / 256,
    norm_offset: float = -0.5,
    swap_rgb: bool = False,
) -> tuple[Array, tuple[int, int]]:
    """See :func:`heatpose.ops.prepare_image`: (float64 [1, 3, H', W'], (ch, cw))."""
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    height, width = pixels.shape[:2]
    if size is None:
        assert scale is not None
        size = max(round(height * scale), 1), max(round(width * scale), 1)
        steps = 1 / scale, 1 / scale
    else:
        steps = height / size[0], width / size[1]
    if size != (height, width):
        pixels = np.clip(np.rint(resize_cubic(pixels, size, steps)), 0, 255)
    padding = [(0, -size[0] % stride), (0, -size[1] % stride), (0, 0)]
    pixels = np.pad(pixels, padding, constant_values=pad_value)
    if swap_rgb:
        pixels = pixels[..., ::-1]
    return (pixels * norm_scale + norm_offset).transpose(2, 0, 1)[None], size
