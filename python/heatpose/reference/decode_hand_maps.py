"""Keypoints of one hand, in plain NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.reference.gaussian_smooth import gaussian_smooth
from heatpose.reference.resize_average import resize_average

Array = npt.NDArray[Any]


def decode_hand_maps(
    maps: Array | Sequence[Array],
    canvas: tuple[int, int],
    *,
    content: Any = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    sigma: float = 3.0,
    truncate: float = 4.0,
    border: str = "reflect",
    threshold: float = 0.05,
) -> tuple[Array, Array]:
    """See :func:`heatpose.ops.decode_hand_maps`: (coords, scores)."""
    average = resize_average(
        maps, canvas, content=content, stride=stride, weights=weights, interpolation=interpolation
    )
    smoothed = average
    if sigma > 0:
        smoothed = gaussian_smooth(average, sigma, truncate=truncate, border=border)
    lead = average.shape[:-2]
    coords = np.full((*lead, 2), np.nan)
    scores = np.zeros(lead)
    for plane in np.ndindex(*lead):
        labels, count = label_components(smoothed[plane] > threshold)
        if count == 0:
            continue
        sums = [average[plane][labels == i].sum() for i in range(1, count + 1)]
        inside = labels == 1 + int(np.argmax(sums))
        best = np.where(inside, average[plane], -np.inf).argmax()
        y, x = np.unravel_index(best, canvas)
        coords[plane] = x, y
        scores[plane] = average[plane][y, x]
    return coords, scores


def label_components(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], int]:
    """Number the 8-connected components of a mask [H, W] from 1 on, in raster order."""
    height, width = mask.shape
    labels = np.zeros(mask.shape, np.int32)
    count = 0
    for y, x in zip(*np.nonzero(mask), strict=True):
        if labels[y, x]:
            continue
        count += 1
        labels[y, x] = count
        todo = [(int(y), int(x))]
        while todo:
            cy, cx = todo.pop()
            for ny in range(max(cy - 1, 0), min(cy + 2, height)):
                for nx in range(max(cx - 1, 0), min(cx + 2, width)):
                    if mask[ny, nx] and not labels[ny, nx]:
                        labels[ny, nx] = count
                        todo.append((ny, nx))
    return labels, count
