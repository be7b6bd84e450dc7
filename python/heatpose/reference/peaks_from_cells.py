"""Peaks of the smoothed, averaged maps, in plain NumPy: every map is made, at canvas size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.reference.find_peaks import find_peaks
from heatpose.reference.gaussian_smooth import _smooth_rows, gaussian_smooth, gaussian_taps
from heatpose.reference.resize_average import (
    NEGLIGIBLE,
    _contents,
    axis_matrix,
    resize_average,
)

Float64 = npt.NDArray[np.float64]

# The logarithm of the Taylor step sees no value below this.
LOG_FLOOR = 1e-10


def peaks_from_cells(
    maps: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    canvas: tuple[int, int],
    *,
    content: tuple[int, int] | Sequence[tuple[int, int]] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    sigma: float | None = 3.0,
    truncate: float = 4.0,
    taps: Sequence[float] | None = None,
    border: str = "reflect",
    threshold: float = 0.1,
    connectivity: int = 4,
    ties: str = "first",
    max_peaks: int = 128,
    refine: str = "none",
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """See :func:`heatpose.ops.peaks_from_cells`: (xy, scores, counts, overflow)."""
    average, smoothed = smoothed_average(
        maps,
        canvas,
        content=content,
        stride=stride,
        weights=weights,
        interpolation=interpolation,
        sigma=sigma,
        truncate=truncate,
        taps=taps,
        border=border,
    )
    xy, scores, counts, overflow = find_peaks(
        smoothed,
        score_maps=average,
        threshold=threshold,
        connectivity=connectivity,
        ties=ties,
        max_peaks=max_peaks,
    )
    if refine != "none":
        xy = xy.astype(np.float64)
        move = {"centroid": _centroid, "taylor": _taylor}[refine]
        for plane in np.ndindex(*counts.shape):
            for i in range(counts[plane]):
                x, y = (int(v) for v in xy[plane][i])
                xy[plane][i] = move(smoothed[plane], x, y)
    return xy, scores, counts, overflow


def smoothed_average(
    maps: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    canvas: tuple[int, int],
    *,
    content: tuple[int, int] | Sequence[tuple[int, int]] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    sigma: float | None = 3.0,
    truncate: float = 4.0,
    taps: Sequence[float] | None = None,
    border: str = "reflect",
) -> tuple[Float64, Float64]:
    """The two maps that peaks are read from: the average, and the smoothed average.

    Returns:
        float64 [..., H, W] each; NaN where a pixel touches a cell that is not finite.
    """
    scales = [maps] if isinstance(maps, np.ndarray) else list(maps)
    shares = [1 / len(scales)] * len(scales) if weights is None else list(weights)
    contents = _contents(scales, content, stride)
    if taps is not None:
        filter_taps = np.asarray(taps, np.float64)
    else:
        filter_taps = gaussian_taps(sigma, truncate=truncate) if sigma else np.ones(1)

    average = resize_average(
        scales,
        canvas,
        content=contents,
        stride=stride,
        weights=shares,
        interpolation=interpolation,
    )
    # Resizing and smoothing are one operator: a pixel touches the cells between its first and its
    # last weight, not all that a smoothed NaN would smear over.
    smoothed = resize_average(
        [np.where(np.isfinite(cells), cells, 0) for cells in scales],
        canvas,
        content=contents,
        stride=stride,
        weights=shares,
        interpolation=interpolation,
    )
    smoothed = gaussian_smooth(smoothed, taps=filter_taps, border=border)
    for cells, size, share in zip(scales, contents, shares, strict=True):
        touched = (~np.isfinite(cells)).astype(np.float64)
        if share == 0 or not touched.any():
            continue
        for axis in (-2, -1):
            matrix = axis_matrix(
                cells.shape[axis],
                canvas[axis],
                content=size[axis],
                stride=stride,
                interpolation=interpolation,
            )
            reach = _reach(_smooth_rows(matrix.T, filter_taps, border).T)
            touched = np.moveaxis(np.moveaxis(touched, axis, -1) @ reach.T, -1, axis)
        smoothed[touched > 0] = np.nan
    return average, smoothed


def _reach(matrix: Float64) -> Float64:
    """1 from the first to the last weight of every row that is more than rounding, else 0."""
    real = np.abs(matrix) > NEGLIGIBLE
    begun = np.maximum.accumulate(real, axis=1)
    not_over = np.maximum.accumulate(real[:, ::-1], axis=1)[:, ::-1]
    return (begun & not_over).astype(np.float64)


def _centroid(smoothed: Float64, x: int, y: int) -> tuple[float, float]:
    """Centroid of the positive values in the 7x7 window, clipped to the canvas (OpenPose)."""
    height, width = smoothed.shape
    rows = np.arange(max(0, y - 3), min(height, y + 4))
    columns = np.arange(max(0, x - 3), min(width, x + 4))
    window = smoothed[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    mass = np.where(window > 0, window, 0.0)
    if not mass.sum() > 0:
        return x, y
    return (
        float((mass * columns).sum() / mass.sum()),
        float((mass * rows[:, None]).sum() / mass.sum()),
    )


def _taylor(smoothed: Float64, x: int, y: int) -> tuple[float, float]:
    """A Newton step to the maximum of the parabola through the logarithms (DarkPose)."""
    height, width = smoothed.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return x, y
    v = np.log(np.maximum(smoothed[y - 2 : y + 3, x - 2 : x + 3], LOG_FLOOR))
    slope = 0.5 * np.array([v[2, 3] - v[2, 1], v[3, 2] - v[1, 2]])
    dxx = 0.25 * (v[2, 4] - 2 * v[2, 2] + v[2, 0])
    dyy = 0.25 * (v[4, 2] - 2 * v[2, 2] + v[0, 2])
    dxy = 0.25 * (v[3, 3] - v[1, 3] - v[3, 1] + v[1, 1])
    determinant = dxx * dyy - dxy * dxy
    if not np.isfinite([*slope, determinant]).all() or determinant == 0:
        return x, y
    step = -np.array([dyy * slope[0] - dxy * slope[1], dxx * slope[1] - dxy * slope[0]])
    step = np.clip(step / determinant, -1.0, 1.0)
    return x + float(step[0]), y + float(step[1])
