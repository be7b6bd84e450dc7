"""Separable Gaussian smoothing, in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


def gaussian_taps(
    sigma: float | None, *, truncate: float = 4.0, kernel_size: int | None = None
) -> Float64:
    """Weights of the filter: SciPy's, or with ``kernel_size`` OpenCV's getGaussianKernel."""
    if sigma == 0 and kernel_size is None:
        return np.ones(1)
    if kernel_size is not None:
        radius = (kernel_size - 1) // 2
        sigma = 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8 if sigma is None else sigma
    else:
        assert sigma is not None
        radius = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return np.asarray(weights / weights.sum(), np.float64)


def gaussian_smooth(
    maps: npt.NDArray[Any],
    sigma: float | None = None,
    *,
    truncate: float = 4.0,
    kernel_size: int | None = None,
    border: str = "reflect",
    taps: npt.NDArray[Any] | None = None,
) -> Float64:
    """See :func:`heatpose.ops.gaussian_smooth`: float64 [..., H, W]."""
    if taps is None:
        taps = gaussian_taps(sigma, truncate=truncate, kernel_size=kernel_size)
    values = np.asarray(maps, np.float64)
    for axis in (-2, -1):
        values = np.moveaxis(_smooth_rows(np.moveaxis(values, axis, -1), taps, border), -1, axis)
    return values


def border_indices(n: int, radius: int, border: str) -> npt.NDArray[np.int64]:
    """Index inside [0, n) that stands for each of -radius .. n - 1 + radius; -1 means 0."""
    i = np.arange(-radius, n + radius)
    if border == "reflect":  # d c b a | a b c d | d c b a
        i = i % (2 * n)
        return np.where(i < n, i, 2 * n - 1 - i)
    if border == "mirror":  # d c b | a b c d | c b a
        period = max(1, 2 * n - 2)
        i = i % period
        return np.where(i < n, i, period - i)
    if border == "nearest":
        return np.clip(i, 0, n - 1)
    if border == "wrap":
        return i % n
    if border == "constant":
        return np.where((i < 0) | (i >= n), -1, i)
    raise ValueError(f"unknown border {border!r}")


def _smooth_rows(values: Float64, taps: npt.NDArray[Any], border: str) -> Float64:
    n, radius = values.shape[-1], len(taps) // 2
    result = np.zeros(values.shape)
    if values.size == 0:
        return result
    index = border_indices(n, radius, border)
    framed = np.where(index >= 0, values[..., np.maximum(index, 0)], 0.0)
    for k, weight in enumerate(taps):
        result += weight * framed[..., k : k + n]
    return result
