"""Where the loss of a bottom-up network may look.

Points are in cells, cell centres on whole numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose.datasets.target_maps import (
    Bools,
    Float32,
    Float64,
    as_channels,
    as_limbs,
    as_people,
)
from heatpose.ops._arrays import finite

NEAR = 3.0
"""Standard deviations around a labelled keypoint within which its channel is known."""
# Cells exactly on the edge of a region stay in it when the pose is mirrored or moved.
_TIE = 1e-6


def person_regions(
    keypoints: Any, labelled: Any, regions: Any = None, *, margin: float = 0.25
) -> Float64:
    """Where each person's missing keypoints may be: corners [P, 4, 2] of upright or turned boxes.

    Args:
        keypoints: [P, K, 2], in any unit, which the answer has too.
        labelled: bool [P, K].
        regions: Boxes [P, 4] or corners [P, 4, 2] that are known already; rows of NaN are not.
        margin: Where no region is known, the box around the labelled keypoints is widened on each
            side by this share of its longer side: half of the body may be missing from it.

    Returns:
        float64 [P, 4, 2]; NaN for a person without any labelled keypoint and region.
    """
    points, known = as_people(keypoints, labelled)
    low = np.where(known[..., None], points, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known[..., None], points, -np.inf).max(axis=1, initial=-np.inf)
    placed = known.any(axis=1)
    low[~placed], high[~placed] = np.nan, np.nan
    wider = finite("margin", margin, low=0) * (high - low).max(axis=1, keepdims=True)
    boxes = np.concatenate([low - wider, high + wider], axis=1)
    corners = box_corners(boxes)
    if regions is not None:
        given = as_corners("regions", regions)
        if given.shape != corners.shape:
            raise ValueError(f"regions must have shape {corners.shape}, got {given.shape}")
        corners = np.where(np.isfinite(given).all(axis=(1, 2), keepdims=True), given, corners)
    return corners


def loss_masks(
    heatmaps: Float32,
    count: Float32,
    labelled: Any,
    limbs: Any,
    *,
    regions: Any,
    unlabelled: Any = (),
    background: bool = False,
    channels: Any = None,
) -> tuple[Bools, Bools]:
    """Where the loss of a bottom-up network may look.

    Not at people whom nobody annotated, in any channel. Nor around a person one of whose keypoints
    is not labelled, in the channel of that keypoint and in those of its limbs: the network may be
    right to find it there. Cells within ``NEAR`` standard deviations of a labelled keypoint, or on
    a labelled limb, are looked at all the same. The background is known only where all keypoints
    are, and within one standard deviation of a labelled keypoint.

    Args:
        heatmaps: [K, h, w] or [K + 1, h, w], as drawn.
        count: [L, h, w], people per cell and limb, as :func:`paf_targets` gives it.
        labelled: bool [P, K].
        limbs: int [L, 2].
        regions: Where each person is, in cells: boxes [P, 4] or corners [P, Q, 2] of convex
            polygons; NaN for nowhere. See :func:`person_regions`.
        unlabelled: Boxes [M, 4] or corners [M, Q, 2] of people whom nobody annotated, in cells.
        background: Whether the last heatmap is the background.
        channels: int [L, 2], the x and y channel of each limb. Default: 2 l and 2 l + 1.

    Returns:
        Masks of the heatmaps and of the PAFs, bool like them; True where the loss looks.
    """
    known = np.asarray(labelled, np.bool_)
    people, keypoints = known.shape
    pairs = as_limbs(limbs, keypoints)
    size = heatmaps.shape[-2:]
    if heatmaps.shape[0] != keypoints + int(background) or count.shape != (len(pairs), *size):
        raise ValueError(
            f"heatmaps and count must fit {keypoints} keypoints and {len(pairs)} limbs, got shapes "
            f"{heatmaps.shape} and {count.shape}"
        )
    areas = as_corners("regions", regions)
    if len(areas) != people:
        raise ValueError(f"regions must be those of {people} people, got {len(areas)}")
    nobody = np.zeros(size, np.bool_)
    for corners in as_corners("unlabelled", unlabelled):
        nobody |= _inside(corners, size)
    away = np.zeros((keypoints + len(pairs), *size), np.bool_)
    missing = np.concatenate([~known, ~(known[:, pairs[:, 0]] & known[:, pairs[:, 1]])], axis=1)
    for person in range(people):
        if missing[person].any():
            away[missing[person]] |= _inside(areas[person], size)
    away |= nobody

    drawn = heatmaps[:keypoints]
    heatmap_mask = np.ones(heatmaps.shape, np.bool_)
    paf_mask = np.ones((2 * len(pairs), *size), np.bool_)
    if not away.any():
        return heatmap_mask, paf_mask
    hidden = away[:keypoints]
    if background:
        heatmap_mask[keypoints] = ~hidden.any(axis=0)
        heatmap_mask[keypoints] |= (drawn >= np.exp(-0.5)).any(axis=0)
    heatmap_mask[:keypoints] = ~hidden | (drawn >= np.exp(-(NEAR**2) / 2))
    looks = ~away[keypoints:] | (count > 0)
    where = as_channels(channels, len(pairs))
    paf_mask[where[:, 0]], paf_mask[where[:, 1]] = looks, looks
    return heatmap_mask, paf_mask


def box_corners(boxes: Any) -> Float64:
    """Corners [M, 4, 2] of boxes [M, 4] (x1, y1, x2, y2), in order around each."""
    values = np.asarray(boxes, np.float64).reshape(-1, 4)
    return values[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def _inside(corners: Float64, size: tuple[int, ...]) -> Bools:
    """Cells [h, w] whose centre lies in a convex polygon; none for corners that are not finite."""
    if not np.isfinite(corners).all():
        return np.zeros(size, np.bool_)
    y, x = np.ogrid[: size[0], : size[1]]
    step = np.roll(corners, -1, axis=0) - corners
    sides = [
        dx * (y - cy) - dy * (x - cx) for (cx, cy), (dx, dy) in zip(corners, step, strict=True)
    ]
    left, right = np.ones(size, np.bool_), np.ones(size, np.bool_)
    for side in sides:
        left &= side >= -_TIE
        right &= side <= _TIE
    return left | right


def as_corners(name: str, areas: Any) -> Float64:
    """Corners [M, Q, 2] of boxes [M, 4] or corners; none for an empty sequence."""
    values = np.asarray(areas, np.float64)
    if values.size == 0:
        return np.empty((len(values), 4, 2)) * np.nan
    if values.ndim == 2 and values.shape[1] == 4:
        return box_corners(values)
    if values.ndim == 3 and values.shape[1] >= 3 and values.shape[2] == 2:
        return values
    raise ValueError(f"{name} must have shape [M, 4] or [M, Q, 2], got {values.shape}")
