"""Peaks of materialised maps."""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

from heatpose.native import core
from heatpose.ops._arrays import (
    Array,
    as_bytes,
    as_float32,
    as_maps,
    choice,
    dtype_name,
    finite,
    flag,
    flat_planes,
    whole,
)
from heatpose.ops._outputs import out_tuple
from heatpose.ops._spaces import Layout
from heatpose.ops._traceable import traceable

TIES = ("first", "all", "none")
KEPT = ("best", "first")


class Peaks(NamedTuple):
    """Local maxima, padded to M per channel; entries past the count are zero.

    Attributes:
        xy: int32 [..., C, M, 2], (x, y) in pixels, in raster order (y, then x) within a channel.
        scores: float32 [..., C, M], value of the score map at the peak.
        counts: int32 [..., C], how many of the M entries are peaks.
        overflow: bool [..., C], True where more than M were found; those with the highest score
            (of equal ones the first) are the ones kept, unless an op was told otherwise.
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
    window: int | None = None,
    inclusive: bool = False,
    keep: str = "best",
    out: Peaks | None = None,
) -> Peaks:
    """Find the local maxima of maps that lie in memory.

    A pixel is a peak when it is above ``threshold`` and no neighbour is greater. Outside the map
    counts as 0, as a neighbour; in a ``window`` it does not compete. NaN is never a peak and never
    beats one.

    Args:
        maps: float32, float16 or bfloat16 [C, H, W] or [N, C, H, W].
        score_maps: Same shape; where a peak's score is read. Default: ``maps``.
        threshold: Value a peak must exceed, in the map's own units.
        connectivity: 4 or 8 neighbours.
        ties: Between equal neighbours: "first" (the one on the left or above is the peak), "all"
            (every one, as the classic programs have it) or "none".
        max_peaks: M, peaks kept per channel.
        window: Side in pixels of the square in which a peak must win, in place of ``connectivity``
            (trt_pose's rule); an even one counts as the next odd one.
        inclusive: A peak may also equal the threshold.
        keep: Of too many peaks: "best" (with the highest score) or "first" (in raster order).
        out: Peaks to write to: arrays of the shapes and types that are returned, on the
            device of ``maps``. Default: fresh ones.

    Returns:
        Peaks, as NumPy arrays or torch tensors like ``maps``.

    Raises:
        TypeError: an array is of another type.
        ValueError: a shape or setting is wrong.

    Source: the non-maximum suppression of OpenPose (Cao et al., 2017, arXiv:1611.08050).
    """
    array, space = as_maps("maps", maps, ndim=(3, 4))
    score_array = array
    if score_maps is not None:
        score_array, place = as_maps("score_maps", score_maps, ndim=(3, 4))
        if score_array.shape != array.shape:
            raise ValueError(
                f"score_maps must have the shape of maps {tuple(array.shape)}, "
                f"got {tuple(score_array.shape)}"
            )
        if place.name != space.name:
            raise ValueError(f"score_maps must be on {space.name} like maps, got {place.name}")
        if dtype_name(score_array) != dtype_name(array):
            with space.queue():
                array, score_array = as_float32(array), as_float32(score_array)
    neighbours = read_connectivity(connectivity)
    most = whole("max_peaks", max_peaks, low=1, high=1 << 20)
    reach = -1
    if window is not None:
        reach = whole("window", window, low=1, high=1 << 20) // 2
    with space.queue():
        layout = peaks_layout(tuple(array.shape[:-2]), most)
        reads = [("maps", array), ("score_maps", score_array)]
        peaks, answer = out_tuple("out", out, Peaks, layout, space, reads)
        core.find_peaks(
            flat_planes(space.contiguous(array)),
            flat_planes(space.contiguous(score_array)),
            *flat_peaks(peaks),
            threshold=finite("threshold", threshold),
            connectivity=neighbours,
            ties=choice("ties", ties, TIES),
            reach=reach,
            inclusive=flag("inclusive", inclusive),
            keep_first=choice("keep", keep, KEPT) == 1,
            cuda=space.call(),
        )
    return answer  # type: ignore[no-any-return]


def read_connectivity(connectivity: int) -> int:
    """Check a number of neighbours: 4 or 8."""
    number = whole("connectivity", connectivity, low=-sys.maxsize, high=sys.maxsize)
    if number not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {number}")
    return number


def peaks_layout(lead: tuple[int, ...], max_peaks: int, places: str = "int32") -> Layout:
    """Shapes and types of the peaks of maps with leading shape ``lead``."""
    return (
        ((*lead, max_peaks, 2), places),
        ((*lead, max_peaks), "float32"),
        (lead, "int32"),
        (lead, "bool"),
    )


def flat_peaks(peaks: Peaks) -> tuple[Any, Any, Any, Any]:
    """The arrays of ``peaks`` with one leading axis, as the native ops take them."""
    max_peaks = peaks.xy.shape[-2]
    planes = math.prod(peaks.counts.shape)
    return (
        peaks.xy.reshape(planes, max_peaks, 2),
        peaks.scores.reshape(planes, max_peaks),
        peaks.counts.reshape(-1),
        as_bytes(peaks.overflow.reshape(-1)),
    )
