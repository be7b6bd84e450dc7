"""Peaks of materialised maps."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from heatpose.native import core
from heatpose.ops._arrays import Array, as_float32, choice, finite, flat_planes, whole
from heatpose.ops._traceable import traceable

TIES = ("first", "all", "none")


class Peaks(NamedTuple):
    """Local maxima, padded to M per channel; entries past the count are zero.

    Attributes:
        xy: int32 [..., C, M, 2], (x, y) in pixels, in raster order (y, then x) within a channel.
        scores: float32 [..., C, M], value of the score map at the peak.
        counts: int32 [..., C], how many of the M entries are peaks.
        overflow: bool [..., C], True where more than M were found; those with the highest score
            (of equal ones the first) are the ones kept.
    """

    xy: Any
    scores: Any
    counts: Any
    overflow: Any


@traceable
def find_peaks(
    maps: Array,
    *,
    score_maps: Array | None = None,
    threshold: float = 0.1,
    connectivity: int = 4,
    ties: str = "first",
    max_peaks: int = 128,
) -> Peaks:
    """Find the local maxima of maps that lie in memory.

    A pixel is a peak when it is above ``threshold`` and no neighbour is greater. Outside the map
    counts as 0. NaN is never a peak and never beats one.

    Args:
        maps: float32, float16 or bfloat16 [C, H, W] or [N, C, H, W].
        score_maps: Same shape; where a peak's score is read. Default: ``maps``.
        threshold: Value a peak must exceed, in the map's own units.
        connectivity: 4 or 8 neighbours.
        ties: Between equal neighbours: "first" (the one on the left or above is the peak), "all"
            (every one, as the classic programs have it) or "none".
        max_peaks: M, peaks kept per channel.

    Returns:
        Peaks, as NumPy arrays or torch tensors like ``maps``.

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong.

    Source: the non-maximum suppression of OpenPose (Cao et al., 2017, arXiv:1611.08050).
    """
    array, wrap = as_float32("maps", maps, ndim=(3, 4))
    if score_maps is None:
        score_array = array
    else:
        score_array, _ = as_float32("score_maps", score_maps, ndim=(3, 4))
        if score_array.shape != array.shape:
            raise ValueError(
                f"score_maps must have the shape of maps {array.shape}, got {score_array.shape}"
            )
    neighbours = read_connectivity(connectivity)
    peaks = empty_peaks(array.shape[:-2], whole("max_peaks", max_peaks, low=1, high=1 << 20))
    core.find_peaks(
        flat_planes(array),
        flat_planes(score_array),
        *flat_peaks(peaks),
        threshold=finite("threshold", threshold),
        connectivity=neighbours,
        ties=choice("ties", ties, TIES),
    )
    return Peaks(*(wrap(field) for field in peaks))


def read_connectivity(connectivity: int) -> int:
    """Check a number of neighbours: 4 or 8."""
    number = whole("connectivity", connectivity, low=-sys.maxsize, high=sys.maxsize)
    if number not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {number}")
    return number


def empty_peaks(lead: tuple[int, ...], max_peaks: int) -> Peaks:
    """Uninitialised NumPy arrays for the peaks of maps with leading shape ``lead``."""
    return Peaks(
        np.empty((*lead, max_peaks, 2), np.int32),
        np.empty((*lead, max_peaks), np.float32),
        np.empty(lead, np.int32),
        np.empty(lead, np.bool_),
    )


def flat_peaks(peaks: Peaks) -> tuple[Any, Any, Any, Any]:
    """The arrays of ``peaks`` with one leading axis, as the native ops take them."""
    max_peaks = peaks.xy.shape[-2]
    planes = peaks.counts.size
    return (
        peaks.xy.reshape(planes, max_peaks, 2),
        peaks.scores.reshape(planes, max_peaks),
        peaks.counts.reshape(-1),
        peaks.overflow.reshape(-1).view(np.uint8),
    )
