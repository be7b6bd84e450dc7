"""The steps from peaks on the network's own grid to people: refine, score pairs, assign, connect.

:func:`heatpose.ops.grid_people` is all of them at once. Places are shares (x, y) of a map's width
and height: 0 is the left or upper border and 1 the right or lower one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from heatpose.native import core
from heatpose.ops._arrays import Array, borrow, finite, whole
from heatpose.ops._grid import (
    MOST_SAMPLES,
    MOST_WINDOW,
    batch,
    entries,
    float_maps,
    read_counts,
    read_pairs,
    table_of,
)
from heatpose.ops._outputs import out_array, out_tuple
from heatpose.ops._traceable import traceable


class ConnectedPeaks(NamedTuple):
    """People as indices of peaks, padded to P people.

    Attributes:
        people: int32 [..., P, K], index of a peak among its keypoint's peaks, -1 where missing.
        counts: int32 [...], how many of the P entries are people.
    """

    people: Any
    counts: Any


@traceable
def refine_peaks(
    xy: Array, counts: Array, maps: Array, *, window: int = 5, out: Array | None = None
) -> Array:
    """Move peaks to the centre of the values around them.

    The centre weights every pixel of a square by its value (a negative one too); the map is
    mirrored at its border, "d c b | a b c d". Sums are float32, row by row, the same bits on every
    device. Where the values sum to 0 the answer is NaN or infinite.

    Args:
        xy: int32 [..., K, M, 2], (x, y) in pixels, as in :class:`heatpose.ops.Peaks`. A peak
            outside the map has the place (0, 0).
        counts: int32 [..., K], how many of the M entries are peaks.
        maps: float32, float16 or bfloat16 [K, H, W] or [N, K, H, W].
        window: Side of the square in pixels; an even one counts as the next odd one.
        out: float32 [..., K, M, 2] to write to. Default: a fresh array.

    Returns:
        float32 [..., K, M, 2], shares (x, y), kind and device of ``maps``; zero past the count.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a count is not from 0 to M.

    Source: refine_peaks of trt_pose.
    """
    array, space = float_maps("maps", maps)
    lead = tuple(array.shape[:-2])
    places = entries("xy", xy, space, "int32", (*lead, None, 2))
    shape = tuple(places.shape)
    counted = read_counts(counts, space, lead, shape[-2])
    reach = whole("window", window, low=1, high=MOST_WINDOW) // 2
    with space.queue():
        reads = [("xy", places), ("counts", counted), ("maps", array)]
        target, answer = out_array("out", out, shape, space, reads=reads)
        core.refine_peaks(
            batch(places, 4, space),
            batch(counted, 2, space),
            batch(array, 4, space),
            batch(target, 4, space),
            reach=reach,
            cuda=space.call(),
        )
    return answer


@traceable
def score_pairs(
    places: Array,
    counts: Array,
    pafs: Array,
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    paf_channels: Sequence[tuple[int, int]] | npt.NDArray[Any],
    *,
    samples: int = 7,
    out: Array | None = None,
) -> Array:
    """Score every pair of peaks of every limb: the mean of its field along the way.

    ``samples`` points lie on the way, both ends included, each in the cell it falls into (truncated
    towards zero). A point outside the map adds nothing, but counts. The way's length is taken to be
    1e-5 cells more. float32 in a fixed order, the same bits on every device.

    Args:
        places: float32 [..., K, M, 2], shares (x, y), as :func:`refine_peaks` gives them.
        counts: int32 [..., K], how many of the M entries are peaks.
        pafs: float32, float16 or bfloat16 [C, H, W] or [N, C, H, W].
        limbs: [L, 2], keypoints (a, b) of each limb.
        paf_channels: [L, 2], field channels (x, y) of each limb.
        samples: Points on the way. One alone has no place, and scores 0.
        out: float32 [..., L, M, M] to write to. Default: a fresh array.

    Returns:
        float32 [..., L, M, M], the score of [a's peak, b's peak]; zero past the counts.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a count is not from 0 to M.

    Source: paf_score_graph of trt_pose.
    """
    array, space = float_maps("pafs", pafs)
    lead = tuple(array.shape[:-3])
    shares = entries("places", places, space, "float32", (*lead, None, None, 2))
    keypoints, most = shares.shape[-3:-1]
    counted = read_counts(counts, space, (*lead, keypoints), most)
    parts = read_pairs("limbs", limbs, keypoints)
    channels = read_pairs("paf_channels", paf_channels, array.shape[-3])
    if len(channels) != len(parts):
        raise ValueError(
            f"paf_channels must have one row per limb ({len(parts)}), got {len(channels)}"
        )
    points = whole("samples", samples, low=1, high=MOST_SAMPLES)
    with space.queue():
        shape = (*lead, len(parts), most, most)
        reads = [("places", shares), ("counts", counted), ("pafs", array)]
        target, answer = out_array("out", out, shape, space, reads=reads)
        core.score_pairs(
            batch(shares, 4, space),
            batch(counted, 2, space),
            batch(array, 4, space),
            table_of("limbs", parts, space),
            table_of("paf_channels", channels, space),
            batch(target, 4, space),
            samples=points,
            cuda=space.call(),
        )
    return answer


@traceable
def assign_pairs(
    scores: Array,
    counts: Array,
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    *,
    threshold: float = 0.1,
    out: Array | None = None,
) -> Array:
    """Pair the peaks of each limb so that the sum of the pairs' scores is greatest.

    As many pairs are made as the shorter list has peaks, and then those go that are not above the
    threshold. A score that is not finite is taken for 0, and its pair goes. Of several best answers
    the one that depends on the order of the peaks alone is given, the same on every device.

    Args:
        scores: float32 [..., L, M, M], of [a's peak, b's peak], from :func:`score_pairs`.
        counts: int32 [..., K], how many of the M entries are peaks.
        limbs: [L, 2], keypoints (a, b) of each limb.
        threshold: A pair's score exceeds it.
        out: int32 [..., L, 2, M] to write to. Default: a fresh array.

    Returns:
        int32 [..., L, 2, M]: for each of a's peaks the peak of b, then for each of b's that of a;
        -1 for none.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a count is not from 0 to M.

    Source: Jonker and Volgenant, Computing 38 (1987), 325-340, for the sums that trt_pose's
    assignment (Munkres) finds.
    """
    array, space = borrow("scores", scores, dtypes=("float32",))
    shape = tuple(array.shape)
    if len(shape) not in (3, 4) or shape[-1] != shape[-2]:
        raise ValueError(f"scores must have shape (L, M, M) or (N, L, M, M), got {shape}")
    lead, most = shape[:-3], shape[-1]
    counted = read_counts(counts, space, (*lead, None), most)
    parts = read_pairs("limbs", limbs, counted.shape[-1])
    if len(parts) != shape[-3]:
        raise ValueError(
            f"limbs must have one row per limb of scores ({shape[-3]}), got {len(parts)}"
        )
    with space.queue():
        reads = [("scores", array), ("counts", counted)]
        target, answer = out_array(
            "out", out, (*lead, len(parts), 2, most), space, dtype="int32", reads=reads
        )
        core.assign_pairs(
            batch(array, 4, space),
            batch(counted, 2, space),
            table_of("limbs", parts, space),
            batch(target, 4, space),
            threshold=finite("threshold", threshold),
            cuda=space.call(),
        )
    return answer


@traceable
def connect_peaks(
    partners: Array,
    counts: Array,
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    *,
    max_people: int = 100,
    out: ConnectedPeaks | None = None,
) -> ConnectedPeaks:
    """Gather the peaks that hang together into people.

    Breadth first, from the first peak of the first keypoint that is in nobody yet. A peak without a
    partner is a person of one part. Where two peaks of one keypoint hang together, the one that is
    met last is named.

    Args:
        partners: int32 [..., L, 2, M], from :func:`assign_pairs`; what is not from 0 to M - 1 is
            no partner.
        counts: int32 [..., K], how many of the M entries are peaks.
        limbs: [L, 2], keypoints (a, b) of each limb.
        max_people: P; further people are left out.
        out: ConnectedPeaks to write to. Default: fresh arrays.

    Returns:
        ConnectedPeaks, kind and device of ``partners``.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or a count is not from 0 to M.

    Source: connect_parts of trt_pose.
    """
    array, space = borrow("partners", partners, dtypes=("int32",))
    shape = tuple(array.shape)
    if len(shape) not in (3, 4) or shape[-2] != 2:
        raise ValueError(f"partners must have shape (L, 2, M) or (N, L, 2, M), got {shape}")
    lead, most = shape[:-3], shape[-1]
    counted = read_counts(counts, space, (*lead, None), most)
    keypoints = counted.shape[-1]
    parts = read_pairs("limbs", limbs, keypoints)
    if len(parts) != shape[-3]:
        raise ValueError(
            f"limbs must have one row per limb of partners ({shape[-3]}), got {len(parts)}"
        )
    people = whole("max_people", max_people, low=0)
    with space.queue():
        layout = (((*lead, people, keypoints), "int32"), (lead, "int32"))
        reads = [("partners", array), ("counts", counted)]
        found, answer = out_tuple("out", out, ConnectedPeaks, layout, space, reads)
        core.connect_peaks(
            batch(array, 4, space),
            batch(counted, 2, space),
            table_of("limbs", parts, space),
            batch(found.people, 3, space),
            found.counts.reshape(-1),
            cuda=space.call(),
        )
    return answer  # type: ignore[no-any-return]
