"""People from a network's maps on their own grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from heatpose.native import core
from heatpose.ops._arrays import Array, as_bytes, finite, whole
from heatpose.ops._grid import (
    MOST_PEAKS,
    MOST_SAMPLES,
    MOST_WINDOW,
    batch,
    float_maps,
    read_pairs,
    table_of,
)
from heatpose.ops._outputs import out_tuple
from heatpose.ops._traceable import traceable


class GridPeople(NamedTuple):
    """Peaks, padded to M per keypoint, and people, padded to P.

    Attributes:
        xy: int32 [..., K, M, 2], peaks (x, y) in pixels of the maps, in raster order.
        scores: float32 [..., K, M], the heatmap there.
        peak_counts: int32 [..., K], how many of the M entries are peaks.
        overflow: bool [..., K], True where there were more; the first were kept.
        places: float32 [..., K, M, 2], refined, as shares (x, y) of width and height.
        people: int32 [..., P, K], index of a peak among its keypoint's peaks, -1 where missing.
        counts: int32 [...], how many of the P entries are people.
    """

    xy: Any
    scores: Any
    peak_counts: Any
    overflow: Any
    places: Any
    people: Any
    counts: Any


@traceable
def grid_people(
    heatmaps: Array,
    pafs: Array,
    limbs: Sequence[tuple[int, int]] | npt.NDArray[Any],
    paf_channels: Sequence[tuple[int, int]] | npt.NDArray[Any],
    *,
    threshold: float = 0.1,
    window: int = 5,
    samples: int = 7,
    link_threshold: float = 0.1,
    max_peaks: int = 100,
    max_people: int = 100,
    out: GridPeople | None = None,
) -> GridPeople:
    """Find people on the network's own grid, without enlarging it, as trt_pose does.

    :func:`find_peaks` in a window, every plateau's pixel a peak; :func:`refine_peaks`,
    :func:`score_pairs`, :func:`assign_pairs` and :func:`connect_peaks`, with the same answers, in
    one call. Where :func:`associate` takes the best pair first, limb by limb, and lets people grow,
    this takes the pairs of a limb whose scores have the greatest sum, and gathers what hangs
    together; people of one part are people.

    Args:
        heatmaps: float32, float16 or bfloat16 [K, H, W] or [N, K, H, W].
        pafs: The same, [C, H, W] or [N, C, H, W], on the same device.
        limbs: [L, 2], keypoints (a, b) of each limb.
        paf_channels: [L, 2], field channels (x, y) of each limb.
        threshold: A peak's value is at least this.
        window: Side in cells of the square in which a peak is the largest, and by which it is
            refined; an even one counts as the next odd one.
        samples: Points on the way between two peaks.
        link_threshold: A connection's score exceeds this.
        max_peaks: M, peaks kept per keypoint, the first ones.
        max_people: P; further people are left out.
        out: GridPeople to write to. Default: fresh arrays.

    Returns:
        GridPeople, kind and device of ``heatmaps``.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.

    Source: ParseObjects of trt_pose.
    """
    maps, space = float_maps("heatmaps", heatmaps)
    fields, place = float_maps("pafs", pafs)
    if place.name != space.name:
        raise ValueError(f"pafs must be on {space.name} like heatmaps, got {place.name}")
    lead, keypoints = tuple(maps.shape[:-3]), maps.shape[-3]
    if tuple(fields.shape[:-3]) != lead or fields.shape[-2:] != maps.shape[-2:]:
        raise ValueError(
            f"pafs must have the images and sizes of heatmaps {tuple(maps.shape)}, "
            f"got {tuple(fields.shape)}"
        )
    parts = read_pairs("limbs", limbs, keypoints)
    channels = read_pairs("paf_channels", paf_channels, fields.shape[-3])
    if len(channels) != len(parts):
        raise ValueError(
            f"paf_channels must have one row per limb ({len(parts)}), got {len(channels)}"
        )
    most = whole("max_peaks", max_peaks, low=1, high=MOST_PEAKS)
    room = whole("max_people", max_people, low=0)
    reach = whole("window", window, low=1, high=MOST_WINDOW) // 2
    with space.queue():
        layout = (
            ((*lead, keypoints, most, 2), "int32"),
            ((*lead, keypoints, most), "float32"),
            ((*lead, keypoints), "int32"),
            ((*lead, keypoints), "bool"),
            ((*lead, keypoints, most, 2), "float32"),
            ((*lead, room, keypoints), "int32"),
            (lead, "int32"),
        )
        reads = [("heatmaps", maps), ("pafs", fields)]
        found, answer = out_tuple("out", out, GridPeople, layout, space, reads)
        core.grid_people(
            batch(maps, 4, space),
            batch(fields, 4, space),
            table_of("limbs", parts, space),
            table_of("paf_channels", channels, space),
            batch(found.xy, 4, space),
            batch(found.scores, 3, space),
            batch(found.peak_counts, 2, space),
            batch(as_bytes(found.overflow), 2, space),
            batch(found.places, 4, space),
            batch(found.people, 3, space),
            found.counts.reshape(-1),
            threshold=finite("threshold", threshold),
            reach=reach,
            samples=whole("samples", samples, low=1, high=MOST_SAMPLES),
            link_threshold=finite("link_threshold", link_threshold),
            cuda=space.call(),
        )
    return answer  # type: ignore[no-any-return]
