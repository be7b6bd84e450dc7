"""Affine crops, in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def warp_crops(
    image: npt.ArrayLike,
    matrices: npt.ArrayLike,
    size: tuple[int, int],
    *,
    mean: npt.ArrayLike = 0.0,
    std: npt.ArrayLike = 1.0,
    norm_scale: float = 1 / 255,
    swap_rgb: bool = False,
    border_value: npt.ArrayLike = 0.0,
) -> Array:
    """See :func:`heatpose.ops.warp_crops`: float64 [N, 3, h, w]."""
    pixels = np.asarray(image, np.float64)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    height, width = pixels.shape[:2]
    # One more pixel on every side, and every place further out moved onto that frame.
    framed = np.empty((height + 2, width + 2, 3))
    framed[:] = border_value
    framed[1:-1, 1:-1] = pixels

    matrices = np.asarray(matrices, np.float64)
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float64)
    crops = np.empty((len(matrices), *size, 3))
    for crop, matrix in zip(crops, matrices, strict=True):
        x = matrix[0, 0] * xs + (matrix[0, 1] * ys + matrix[0, 2])
        y = matrix[1, 0] * xs + (matrix[1, 1] * ys + matrix[1, 2])
        x, y = np.clip(x, -1, width) + 1, np.clip(y, -1, height) + 1
        x0, y0 = np.minimum(x.astype(int), width), np.minimum(y.astype(int), height)
        fx, fy = (x - x0)[..., None], (y - y0)[..., None]
        top = framed[y0, x0] * (1 - fx) + framed[y0, x0 + 1] * fx
        bottom = framed[y0 + 1, x0] * (1 - fx) + framed[y0 + 1, x0 + 1] * fx
        crop[:] = top * (1 - fy) + bottom * fy
    if swap_rgb:
        crops = crops[..., ::-1]
    crops = (crops * norm_scale - np.asarray(mean, np.float64)) / np.asarray(std, np.float64)
    planes: Array = crops.transpose(0, 3, 1, 2)
    return planes
