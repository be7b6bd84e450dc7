"""A quick score of heatmaps for validations: how many keypoints their maxima find.

It sees each annotated person's region alone and asks no decoder, so it is no measure of a model
(``heatpose evaluate`` is): it tells which epoch is the best, and when nothing moves any more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heatpose.skeletons import Skeleton

FloatArray = NDArray[np.floating]

_MARGIN = 0.25  # around the box of a person's keypoints, as a share of its longer side


def found_keypoints(
    heatmaps: FloatArray,
    keypoints: FloatArray,
    skeleton: Skeleton,
    *,
    stride: float,
    share: float = 0.2,
    shift: float = 0.5,
    whole: bool = False,
) -> tuple[int, int]:
    """Labelled keypoints of people that the maximum of their map, in the people's region, finds.

    Args:
        heatmaps: [C, h, w], with or without a background.
        keypoints: [P, K, 2], (x, y) in pixels of the input, NaN where not labelled.
        skeleton: Of the keypoints.
        stride: Input pixels per cell.
        share: How near is found, as a share of the person's torso (shoulder to the other side's
            hip), or of the longer side of the keypoints' box where there is none.
        shift: Of pixel centres on the cells' grid: 0.5 where cells cover the pixels below them, 0
            where cell 0 is at pixel 0.
        whole: Whether the maximum of the whole map counts, as there is one person in it.

    Returns:
        How many were found, and how many there were inside the maps.
    """
    height, width = heatmaps.shape[1:]
    found = total = 0
    for person in keypoints:
        known = np.isfinite(person).all(axis=1)
        cells = (person + shift) / stride - shift
        known &= (cells > -0.5).all(axis=1) & (cells < (width - 0.5, height - 0.5)).all(axis=1)
        reach = _reach(person, skeleton, share) / stride
        if not known.any() or not reach > 0:
            continue
        low, high = cells[known].min(axis=0), cells[known].max(axis=0)
        wider = _MARGIN * (high - low).max()
        x1, y1 = np.clip(np.floor(low - wider), 0, (width - 1, height - 1)).astype(int)
        x2, y2 = np.clip(np.ceil(high + wider), 0, (width - 1, height - 1)).astype(int) + 1
        if whole:
            x1, y1, x2, y2 = 0, 0, width, height
        for k in np.flatnonzero(known):
            window = heatmaps[k, y1:y2, x1:x2]
            y, x = np.unravel_index(int(window.argmax()), window.shape)
            place = _between_cells(heatmaps[k], x1 + int(x), y1 + int(y))
            found += int(np.hypot(*(place - cells[k])) < reach)
            total += 1
    return found, total


def _between_cells(heatmap: FloatArray, x: int, y: int) -> FloatArray:
    """The maximum moved a quarter of a cell towards its greater neighbour, along x and y."""
    height, width = heatmap.shape
    place = np.array([x, y], np.float64)
    if 0 < x < width - 1:
        place[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
    if 0 < y < height - 1:
        place[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return place


def _reach(person: FloatArray, skeleton: Skeleton, share: float) -> float:
    for shoulder, hip in (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip")):
        if {shoulder, hip} <= set(skeleton.keypoints):
            ends = person[[skeleton.index(shoulder), skeleton.index(hip)]]
            if np.isfinite(ends).all():
                return share * float(np.hypot(*(ends[0] - ends[1])))
    known = person[np.isfinite(person).all(axis=1)]
    if len(known) < 2:
        return float("nan")
    return share * float((known.max(axis=0) - known.min(axis=0)).max())
