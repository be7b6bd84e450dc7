"""From network cells to canvas pixels, in plain NumPy: three literal steps per scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

# A composed weight below this is what rounding leaves of an exact zero; its cell is not touched.
NEGLIGIBLE = 1e-9


def resize_average(
    maps: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    canvas: tuple[int, int],
    *,
    content: tuple[int, int] | Sequence[tuple[int, int]] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
) -> Float64:
    """See :func:`heatpose.ops.resize_average`: float64 [..., H, W] for maps [..., h, w]."""
    scales = [maps] if isinstance(maps, np.ndarray) else list(maps)
    if weights is None:
        weights = [1 / len(scales)] * len(scales)
    enlarge, resize = (interpolation,) * 2 if isinstance(interpolation, str) else interpolation

    total = np.zeros((*scales[0].shape[:-2], *canvas))
    touched = np.zeros(total.shape, np.bool_)
    contents = _contents(scales, content, stride)
    for cells, size, weight in zip(scales, contents, weights, strict=True):
        if weight == 0:
            continue
        broken = ~np.isfinite(cells)
        values = np.where(broken, 0.0, cells.astype(np.float64))
        spread = broken.astype(np.float64)
        for axis in (-2, -1):
            n = cells.shape[axis]
            enlarged = resize_matrix(n, n * stride, enlarge)
            cropped = enlarged[: size[axis]]
            matrix = resize_matrix(size[axis], canvas[axis], resize) @ cropped
            values = _along(matrix, values, axis)
            spread = _along(np.abs(matrix) > NEGLIGIBLE, spread, axis)
        total += weight * values
        touched |= spread > 0
    total[touched] = np.nan
    return total


def axis_matrix(
    cells: int,
    canvas: int,
    *,
    content: int | None = None,
    stride: int = 8,
    interpolation: str | tuple[str, str] = "cubic",
) -> Float64:
    """The three steps along one axis as one dense matrix [canvas, cells]."""
    enlarge, resize = (interpolation,) * 2 if isinstance(interpolation, str) else interpolation
    content = cells * stride if content is None else content
    enlarged = resize_matrix(cells, cells * stride, enlarge)
    return resize_matrix(content, canvas, resize) @ enlarged[:content]


def resize_matrix(source: int, target: int, interpolation: str) -> Float64:
    """cv2.resize of ``source`` samples to ``target`` along one axis: dense [target, source]."""
    matrix = np.zeros((target, source))
    if source == target:
        np.fill_diagonal(matrix, 1.0)
        return matrix
    rows = np.arange(target)
    scale = 1.0 / (target / source)  # in OpenCV's order, so that a floor falls on the same side

    def add(columns: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        np.add.at(matrix, (rows, np.clip(columns, 0, source - 1)), values)

    if interpolation == "nearest":
        add(np.floor(rows * scale).astype(np.int64), np.ones(target))
    elif interpolation == "area" and scale > 1:
        _fill_area(matrix, scale)
    elif interpolation == "area":
        # Enlarging, OpenCV's area is linear between the two samples that a pixel overlaps.
        base = np.floor(rows * scale).astype(np.int64)
        fraction = (rows + 1) - (base + 1) * (target / source)
        fraction = np.where(fraction <= 0, 0.0, fraction - np.floor(fraction))
        add(base, 1 - fraction)
        add(base + 1, fraction)
    else:
        radius, kernel = _KERNELS[interpolation]
        position = (rows + 0.5) * scale - 0.5
        base = np.floor(position).astype(np.int64)
        taps = range(1 - radius, radius + 1)
        values = np.stack([kernel(position - (base + k)) for k in taps])
        for k, value in zip(taps, values / values.sum(axis=0), strict=True):
            add(base + k, value)
    return matrix


def _fill_area(matrix: Float64, scale: float) -> None:
    """Shares of the covered samples; OpenCV drops slivers below 1e-3 and does not make up."""
    target, source = matrix.shape
    for i in range(target):
        begin = i * scale
        end = begin + scale
        width = min(scale, source - begin)
        last = min(int(np.floor(end)), source - 1)
        first = min(int(np.ceil(begin)), last)
        if first - begin > 1e-3:
            matrix[i, first - 1] += (first - begin) / width
        matrix[i, first:last] += 1 / width
        if end - last > 1e-3:
            matrix[i, last] += min(end - last, 1.0, width) / width


def _linear(x: Float64) -> Float64:
    return np.asarray(np.maximum(0.0, 1 - np.abs(x)))


def _cubic(x: Float64, a: float = -0.75) -> Float64:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.asarray(np.where(x < 1, near, np.where(x < 2, far, 0.0)))


def _lanczos4(x: Float64) -> Float64:
    return np.where(np.abs(x) < 4, np.sinc(x) * np.sinc(x / 4), 0.0)


_KERNELS = {"linear": (1, _linear), "cubic": (2, _cubic), "lanczos4": (4, _lanczos4)}


def _along(matrix: npt.NDArray[Any], values: Float64, axis: int) -> Float64:
    return np.moveaxis(np.moveaxis(values, axis, -1) @ matrix.T.astype(np.float64), -1, axis)


def _contents(
    scales: Sequence[npt.NDArray[Any]], content: Any, stride: int
) -> list[tuple[int, int]]:
    if content is None:
        return [(m.shape[-2] * stride, m.shape[-1] * stride) for m in scales]
    if np.ndim(content) == 1:
        return [tuple(content)] * len(scales)
    return [tuple(pair) for pair in content]
