"""Top-down heatmaps to places, in plain NumPy: the whole definition, map by map.

The native op gets the same answers from about twenty rows of a map; this one blurs all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Map = npt.NDArray[np.float64]
Place = tuple[float, float]

_PAD_MODES: dict[str, Literal["symmetric", "reflect", "edge", "constant", "wrap"]] = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "constant": "constant",
    "wrap": "wrap",
}


def decode_heatmaps(
    heatmaps: npt.NDArray[Any],
    *,
    method: str = "dark",
    kernel: int = 11,
    taps: Sequence[float] | None = None,
    border: str = "constant",
    rescale: bool = True,
    invalid: str = "zero",
    quarter_border: str = "joint",
    places: npt.NDArray[Any] | None = None,
    transform: npt.NDArray[Any] | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """See :func:`heatpose.ops.decode_heatmaps`: (coords, scores) of maps [.., K, h, w]."""
    maps = np.asarray(heatmaps, np.float64)
    maps = np.where(np.isnan(maps), -np.inf, maps)
    coords = np.full((*maps.shape[:-2], 2), 0.0 if invalid == "zero" else -1.0)
    scores = maps.max(axis=(-2, -1), initial=-np.inf)
    weights = gaussian_taps(kernel) if taps is None else np.array(taps) / np.sum(taps)
    for plane in np.ndindex(*maps.shape[:-2]):
        heatmap = maps[plane]
        if places is not None:
            coords[plane] = np.asarray(places, np.float32)[plane]
            x, y = (
                cell_of(float(v), n) for v, n in zip(coords[plane], heatmap.T.shape, strict=True)
            )
        elif scores[plane] > 0:
            y, x = (int(i) for i in np.unravel_index(heatmap.argmax(), heatmap.shape))
            coords[plane] = x, y
        else:
            continue
        if x >= 0 and y >= 0:
            blur = Blur(weights, border, rescale)
            coords[plane] += refine(heatmap, x, y, method, quarter_border, blur)
    if transform is not None:
        matrices = np.asarray(transform, np.float64)
        coords = coords @ np.swapaxes(matrices[..., :2], -1, -2) + matrices[..., None, :, 2]
    return coords, scores


class Blur(NamedTuple):
    """How DARK modulates a map: weights along an axis, what lies outside, whether to rescale."""

    taps: npt.NDArray[np.float64]
    border: str
    rescale: bool


def cell_of(place: float, count: int) -> int:
    """The column or row that a given place lies in, cut to whole cells; -1 outside the map."""
    return int(place) if -1 < place < count and count > 0 else -1


def refine(heatmap: Map, x: int, y: int, method: str, quarter_border: str, blur: Blur) -> Place:
    """The step from the cell (x, y) of one map; NaN is minus infinity already."""
    height, width = heatmap.shape
    if method == "quarter":
        return quarter_shift(heatmap, x, y, quarter_border)
    if method == "none" or not np.isfinite(heatmap.max()):
        return 0.0, 0.0
    if method == "dark" and not (1 < x < width - 2 and 1 < y < height - 2):
        return 0.0, 0.0
    # Infinite cells can make a step of NaN, which is not taken.
    with np.errstate(all="ignore"):
        blurred = modulate(heatmap, blur)
        if method == "dark":
            step = dark_step(np.log(np.maximum(blurred, 1e-10)), x, y)
        else:
            logs = np.log(np.clip(blurred, 1e-3, 50.0))
            step = dark_udp_step(np.pad(logs, 1, mode="edge"), x + 1, y + 1)
    return step if np.isfinite(step).all() else (0.0, 0.0)


def quarter_shift(heatmap: Map, x: int, y: int, border: str) -> Place:
    """A quarter of a cell towards the larger neighbour on each axis."""
    height, width = heatmap.shape
    inside_x, inside_y = 1 < x < width - 1, 1 < y < height - 1
    if border == "joint":
        move_x = move_y = inside_x and inside_y
    else:
        move_x, move_y = inside_x and y > 0, inside_y and x > 0
    step = [0.0, 0.0]
    if move_x:
        before, after = heatmap[y, x - 1], heatmap[y, x + 1]
        step[0] = 0.25 * (float(after > before) - float(after < before))
    if move_y:
        before, after = heatmap[y - 1, x], heatmap[y + 1, x]
        step[1] = 0.25 * (float(after > before) - float(after < before))
    return step[0], step[1]


def gaussian_taps(kernel: int) -> npt.NDArray[np.float64]:
    """The weights along one axis of the Gaussian that belongs to a kernel size."""
    radius = kernel // 2
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights: npt.NDArray[np.float64] = taps / taps.sum()
    return weights


def modulate(heatmap: Map, blur: Blur) -> Map:
    """The blurred map, scaled back to the map's maximum where asked for.

    A blurred maximum of zero has no such scale: the result is NaN or infinite.
    """
    height, width = heatmap.shape
    framed = np.pad(heatmap, len(blur.taps) // 2, mode=_PAD_MODES[blur.border])
    # A weight of zero leaves out what it weighs, even infinity.
    taps = [(i, tap) for i, tap in enumerate(blur.taps) if tap != 0]
    down = sum((tap * framed[i : i + height] for i, tap in taps), np.zeros(()))
    blurred: Map = sum((tap * down[:, i : i + width] for i, tap in taps), np.zeros(()))
    return blurred * (heatmap.max() / np.max(blurred)) if blur.rescale else blurred


def dark_step(logs: Map, x: int, y: int) -> Place:
    """Newton step of Zhang et al. (2020): first differences over one cell, second over two."""
    dx = 0.5 * (logs[y, x + 1] - logs[y, x - 1])
    dy = 0.5 * (logs[y + 1, x] - logs[y - 1, x])
    dxx = 0.25 * (logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2])
    dyy = 0.25 * (logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x])
    corners = logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1]
    return newton_step(dx, dy, dxx, 0.25 * corners, dyy)


def dark_udp_step(logs: Map, x: int, y: int) -> Place:
    """Newton step of UDP (Huang et al., 2020): unit differences, and epsilon on the diagonal."""
    epsilon = float(np.finfo(np.float32).eps)
    here, left, right = logs[y, x], logs[y, x - 1], logs[y, x + 1]
    above, below = logs[y - 1, x], logs[y + 1, x]
    dxx, dyy = right - 2 * here + left, below - 2 * here + above
    dxy = 0.5 * (logs[y + 1, x + 1] - right - below + 2 * here - left - above + logs[y - 1, x - 1])
    return newton_step(
        0.5 * (right - left), 0.5 * (below - above), dxx + epsilon, dxy, dyy + epsilon
    )


def newton_step(dx: float, dy: float, dxx: float, dxy: float, dyy: float) -> Place:
    """To the stationary point of the quadratic; no step where the Hessian is singular."""
    det = dxx * dyy - dxy * dxy
    if det == 0:
        return 0.0, 0.0
    return -(dyy * dx - dxy * dy) / det, -(dxx * dy - dxy * dx) / det
