"""Heatmaps and part affinity fields of known poses.

Points are in cells, cell centres on whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.ops._arrays import choice, finite, size_pair

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Factors of a Gaussian below this become 0: their products would be denormal numbers, which cost a
# hundred times as much to multiply and mean nothing.
_SMALLEST = 1e-18
# Cells exactly on the edge of a limb stay in it when the pose is mirrored or moved.
_TIE = 1e-6
_CAPS = ("round", "box")
_MEETINGS = ("maximum", "sum")


def heatmap_targets(
    keypoints: Any,
    labelled: Any,
    size: Sequence[int],
    sigma: float,
    unbiased: bool = True,
    background: bool = False,
    *,
    floor: float = 0.0,
    several: str = "maximum",
) -> Float32:
    """One Gaussian of peak 1 for every labelled keypoint.

    Args:
        keypoints: [P, K, 2], (x, y) in cells; they may lie outside. P may be 0.
        labelled: bool [P, K]. Keypoints that are not labelled may be NaN.
        size: (h, w) of the maps.
        sigma: Standard deviation in cells.
        unbiased: Put the Gaussian at the keypoint itself and draw it over the whole map (values
            below about 1e-18 are 0). False: at the nearest cell (halves go up), and 0 further than
            3 sigma along x or y, as in MSRA's Simple Baselines.
        background: Add a channel, 1 - the maximum over the others.
        floor: Smaller values become 0; OpenPose's 0.01 is an exponent of 4.6052.
        several: Where people meet: "maximum", or "sum" clipped to 1.

    Returns:
        float32 [K, h, w], or [K + 1, h, w] with the background.

    Raises:
        TypeError: an argument is of another type.
        ValueError: an argument has a wrong shape or value, or a labelled keypoint is not finite.
    """
    points, known = as_people(keypoints, labelled)
    height, width = size_pair("size", size)
    sigma = finite("sigma", sigma, above=0)
    floor = finite("floor", floor, low=0)
    add = bool(choice("several", several, _MEETINGS))
    reach = np.inf
    if not unbiased:
        points, reach = np.floor(points + 0.5), 3 * sigma
    across = _bells(points[..., 0], width, sigma, reach) * known[..., None]
    down = _bells(points[..., 1], height, sigma, reach)
    count = known.shape[1]
    maps = np.zeros((count + int(background), height, width), np.float32)
    drawn = maps[:count]
    one = np.empty_like(drawn)
    for person in range(len(known)):
        np.multiply(down[person, :, :, None], across[person, :, None, :], out=one)
        if floor > 0:
            one[one < floor] = 0
        (np.add if add else np.maximum)(drawn, one, out=drawn)
    if add:
        np.minimum(drawn, 1, out=drawn)
    if background:
        np.subtract(1, drawn.max(axis=0), out=maps[count])
    return maps


def paf_targets(
    keypoints: Any,
    labelled: Any,
    limbs: Any,
    size: Sequence[int],
    width: float,
    *,
    caps: str = "round",
    channels: Any = None,
) -> tuple[Float32, Float32]:
    """Unit vectors along every limb whose two ends are labelled, in the cells that it covers.

    Args:
        keypoints: [P, K, 2], (x, y) in cells; they may lie outside. P may be 0.
        labelled: bool [P, K]. Keypoints that are not labelled may be NaN.
        limbs: int [L, 2], first and second keypoint of each limb.
        size: (h, w) of the maps.
        width: Half the width of a limb, in cells.
        caps: What a limb covers. "round": cells within ``width`` of the segment. "box": cells
            within ``width`` of the whole line, and of the smallest upright box around both ends, as
            in OpenPose and its descendants. (These round the box to whole cells and leave its last
            row and column out; here it is the same box on all four sides, so that the targets of a
            mirrored pose are the mirrored targets.)
        channels: int [L, 2], the x and y channel of each limb. Default: 2 l and 2 l + 1.

    Returns:
        pafs: float32 [2 L, h, w]; where people overlap, the mean of their vectors. A limb without
            length is not drawn: it points nowhere.
        count: float32 [L, h, w], how many people's limb covers the cell, in the order of ``limbs``.

    Raises:
        TypeError: an argument is of another type.
        ValueError: an argument has a wrong shape or value, or a labelled keypoint is not finite.
    """
    points, known = as_people(keypoints, labelled)
    pairs = as_limbs(limbs, known.shape[1])
    rows, columns = size_pair("size", size)
    reach = finite("width", width, above=0)
    rounded = not choice("caps", caps, _CAPS)
    start, end = points[:, pairs[:, 0]], points[:, pairs[:, 1]]
    length = np.hypot(*np.moveaxis(end - start, -1, 0))
    drawn = known[:, pairs[:, 0]] & known[:, pairs[:, 1]] & (length > _TIE)
    limb = drawn.nonzero()[1]
    start, end, length = start[drawn], end[drawn], length[drawn]
    unit = (end - start) / length[:, None]

    # All cells of all limbs' upright boxes in one flat list: `owner` says whose each one is.
    last = np.array([columns - 1, rows - 1])
    low = np.clip(np.ceil(np.minimum(start, end) - reach - _TIE), 0, last + 1).astype(np.int64)
    high = np.clip(np.floor(np.maximum(start, end) + reach + _TIE), -1, last).astype(np.int64)
    spans = np.maximum(high - low + 1, 0)
    cells = spans[:, 0] * spans[:, 1]
    owner = np.repeat(np.arange(len(limb)), cells)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(cells) - cells, cells)
    down, across = np.divmod(place, spans[owner, 0])
    x, y = low[owner, 0] + across, low[owner, 1] + down

    dx, dy = x - start[owner, 0], y - start[owner, 1]
    ux, uy = unit[owner, 0], unit[owner, 1]
    aside = np.abs(dx * uy - dy * ux)
    if rounded:
        along = dx * ux + dy * uy
        aside = np.hypot(aside, np.maximum(np.maximum(-along, along - length[owner]), 0))
    inside = aside <= reach + _TIE

    total = len(pairs) * rows * columns
    flat = ((limb[owner] * rows + y) * columns + x)[inside]
    count = np.bincount(flat, minlength=total).astype(np.float32)
    share = 1 / np.maximum(count, 1)
    pafs = np.zeros((2 * len(pairs), rows, columns), np.float32)
    where = as_channels(channels, len(pairs))
    for axis, vector in enumerate((ux, uy)):
        mean = np.bincount(flat, weights=vector[inside], minlength=total) * share
        pafs[where[:, axis]] = mean.reshape(len(pairs), rows, columns)
    return pafs, count.reshape(len(pairs), rows, columns)


def keypoint_weights(keypoints: Any, labelled: Any, size: Sequence[int], sigma: float) -> Float32:
    """Weights of the heatmaps of a top-down network, as Simple Baselines has them.

    Args:
        keypoints: [P, K, 2], (x, y) in cells.
        labelled: bool [P, K].
        size: (h, w) of the maps.
        sigma: Standard deviation in cells.

    Returns:
        float32 [P, K]: 0 where a keypoint is not labelled, or lies so far outside that the square
        of 3 sigma around its nearest cell does not reach the map; else 1.
    """
    points, known = as_people(keypoints, labelled)
    height, width = size_pair("size", size)
    reach = 3 * finite("sigma", sigma, above=0)
    cell = np.floor(points + 0.5)
    last = np.array([width - 1, height - 1])
    return (known & ((cell >= -reach) & (cell <= last + reach)).all(axis=-1)).astype(np.float32)


def _bells(center: Float64, size: int, sigma: float, reach: float) -> Float32:
    """Gaussians [..., size] along one axis."""
    away = np.arange(size) - center[..., None]
    bells = np.exp(away**2 * (-0.5 / sigma**2))
    bells[(np.abs(away) > reach) | (bells < _SMALLEST)] = 0
    return bells.astype(np.float32)


def as_people(keypoints: Any, labelled: Any) -> tuple[Float64, Bools]:
    """Points and flags of P people, checked; points that are not labelled are 0."""
    points = np.array(keypoints, np.float64)
    known = np.asarray(labelled)
    if points.ndim != 3 or points.shape[2] != 2:
        raise ValueError(f"keypoints must have shape [P, K, 2], got {points.shape}")
    if known.shape != points.shape[:2]:
        raise ValueError(f"labelled must have shape {points.shape[:2]}, got {known.shape}")
    if known.dtype != np.bool_:
        if known.dtype.kind not in "iuf" or not np.isin(known, (0, 1)).all():
            raise TypeError(f"labelled must be bool, or 0 and 1, got {known.dtype}")
        known = known.astype(np.bool_)
    if not np.isfinite(points[known]).all():
        raise ValueError("keypoints must be finite where they are labelled")
    points[~known] = 0
    return points, known


def as_limbs(limbs: Any, keypoints: int) -> NDArray[np.intp]:
    """Limbs [L, 2], checked."""
    pairs = np.asarray(limbs, np.intp).reshape(-1, 2)
    if ((pairs < 0) | (pairs >= keypoints)).any():
        raise ValueError(f"limbs must hold keypoints 0..{keypoints - 1}, got {pairs.tolist()}")
    return pairs


def as_channels(channels: Any, limbs: int) -> NDArray[np.intp]:
    """The x and y channel of each limb, [L, 2], checked."""
    where = np.arange(2 * limbs) if channels is None else np.asarray(channels, np.intp)
    where = where.reshape(-1, 2)
    if len(where) != limbs or sorted(where.flat) != list(range(2 * limbs)):
        raise ValueError(f"channels must use each of 0..{2 * limbs - 1} once, got {channels!r}")
    return where
