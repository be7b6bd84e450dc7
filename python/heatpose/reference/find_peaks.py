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
    window: int | None = None,
    inclusive: bool = False,
    keep: str = "best",
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """See :func:`heatpose.ops.find_peaks`: (xy, scores, counts, overflow) for maps [..., H, W]."""
    maps = np.asarray(maps, np.float64)
    score_maps = maps if score_maps is None else np.asarray(score_maps, np.float64)
    lead, (height, width) = maps.shape[:-2], maps.shape[-2:]

    # Outside the map counts as 0, as a neighbour; in a window it does not compete.
    reach = 1 if window is None else window // 2
    outside = 0.0 if window is None else np.nan
    frame = [(0, 0)] * len(lead) + [(reach, reach)] * 2
    framed = np.pad(maps, frame, constant_values=outside)
    is_peak = maps >= threshold if inclusive else maps > threshold
    square = [(y, x) for y in range(-reach, 1) for x in range(-reach, reach + 1) if (y, x) < (0, 0)]
    for dy, dx in _EARLIER[connectivity] if window is None else square:
        for earlier, (sy, sx) in ((True, (dy, dx)), (False, (-dy, -dx))):
            top, left = reach + sy, reach + sx
            rival = framed[..., top : top + height, left : left + width]
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
        kept = np.sort(best) if keep == "best" else np.arange(len(best))
        counts[plane] = len(kept)
        xy[plane][: len(kept)] = np.stack([xs[kept], ys[kept]], axis=-1)
        scores[plane][: len(kept)] = values[kept]
    return xy, scores, counts, overflow
