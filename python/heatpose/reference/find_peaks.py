"""Peaks of materialised maps, in plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_EARLIER = {4: [(-1, 0), (0, -1)], 8: [(-1, -1), (-1, 0), (-1, 1), (0, -1)]}


def find_peaks(
    maps: npt.NDArray[Any],
    *,
    score_maps: npt.NDArray[Any] | None = None,
    threshold: float = 0.1,
    connectivity: int = 4,
    ties: str = "first",
    max_peaks: int = 128,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """See :func:`heatpose.ops.find_peaks`: (xy, scores, counts, overflow) for maps [..., H, W]."""
    maps = np.asarray(maps, np.float64)
    score_maps = maps if score_maps is None else np.asarray(score_maps, np.float64)
    lead, (height, width) = maps.shape[:-2], maps.shape[-2:]

    # Outside the map counts as 0.
    framed = np.pad(maps, [(0, 0)] * len(lead) + [(1, 1), (1, 1)])
    is_peak = maps > threshold
    for dy, dx in _EARLIER[connectivity]:
        for earlier, (sy, sx) in ((True, (dy, dx)), (False, (-dy, -dx))):
            rival = framed[..., 1 + sy : 1 + sy + height, 1 + sx : 1 + sx + width]
            equal_wins = ties == "none" or (ties == "first" and earlier)
            is_peak &= ~(rival >= maps) if equal_wins else ~(rival > maps)

    xy = np.zeros((*lead, max_peaks, 2), np.int32)
    scores = np.zeros((*lead, max_peaks))
    counts = np.zeros(lead, np.int32)
    overflow = np.zeros(lead, np.bool_)
    for plane in np.ndindex(*lead):
        ys, xs = np.nonzero(is_peak[plane])
        values = score_maps[plane][ys, xs]
        overflow[plane] = len(ys) > max_peaks
        best = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")[:max_peaks]
        keep = np.sort(best)
        counts[plane] = len(keep)
        xy[plane][: len(keep)] = np.stack([xs[keep], ys[keep]], axis=-1)
        scores[plane][: len(keep)] = values[keep]
    return xy, scores, counts, overflow
