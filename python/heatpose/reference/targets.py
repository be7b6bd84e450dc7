"""Training targets, cell by cell: what :mod:`heatpose.datasets.targets` is tested against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def heatmap_targets(
    keypoints: Array,
    labelled: Array,
    size: tuple[int, int],
    sigma: float,
    *,
    unbiased: bool = True,
    background: bool = False,
    floor: float = 0.0,
    several: str = "maximum",
) -> Array:
    """See :func:`heatpose.datasets.targets.heatmap_targets`: float64 [K(+1), h, w]."""
    people, count = np.shape(labelled)
    height, width = size
    maps = np.zeros((count + background, height, width))
    for k in range(count):
        for y in range(height):
            for x in range(width):
                for p in range(people):
                    if not labelled[p, k]:
                        continue
                    cx, cy = (float(v) for v in keypoints[p, k])
                    if not unbiased:
                        cx, cy = math.floor(cx + 0.5), math.floor(cy + 0.5)
                    if not unbiased and max(abs(x - cx), abs(y - cy)) > 3 * sigma:
                        continue
                    value = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
                    if value < floor:
                        continue
                    before = maps[k, y, x]
                    together = max(before, value) if several == "maximum" else before + value
                    maps[k, y, x] = min(together, 1.0)
    if background:
        maps[count] = 1 - maps[:count].max(axis=0)
    return maps


def paf_targets(
    keypoints: Array,
    labelled: Array,
    limbs: Sequence[tuple[int, int]],
    size: tuple[int, int],
    width: float,
    *,
    caps: str = "round",
) -> tuple[Array, Array]:
    """See :func:`heatpose.datasets.targets.paf_targets`: float64 [2 L, h, w] and [L, h, w]."""
    rows, columns = size
    pafs = np.zeros((2 * len(limbs), rows, columns))
    counts = np.zeros((len(limbs), rows, columns))
    for limb, (a, b) in enumerate(limbs):
        for p in range(len(labelled)):
            if not (labelled[p, a] and labelled[p, b]):
                continue
            (ax, ay), (bx, by) = keypoints[p, a], keypoints[p, b]
            length = math.hypot(bx - ax, by - ay)
            if length == 0:
                continue
            ux, uy = (bx - ax) / length, (by - ay) / length
            for y in range(rows):
                for x in range(columns):
                    along = (x - ax) * ux + (y - ay) * uy
                    aside = abs((x - ax) * uy - (y - ay) * ux)
                    if caps == "round":
                        nearest = min(max(along, 0.0), length)
                        covered = math.hypot(x - ax - nearest * ux, y - ay - nearest * uy) <= width
                    else:
                        boxed = min(ax, bx) - width <= x <= max(ax, bx) + width
                        boxed = boxed and min(ay, by) - width <= y <= max(ay, by) + width
                        covered = boxed and aside <= width
                    if not covered:
                        continue
                    # The running mean of the original programs.
                    seen = counts[limb, y, x]
                    for axis, part in enumerate((ux, uy)):
                        mean = pafs[2 * limb + axis, y, x]
                        pafs[2 * limb + axis, y, x] = (mean * seen + part) / (seen + 1)
                    counts[limb, y, x] += 1
    return pafs, counts
