"""``trt_pose.plugins``: the steps of the parser, one by one, and the targets of training.

Every function takes tensors on the CPU or on a CUDA device, all on one, of any strides, and gives
tensors there. Integers come as int32; int64 ones are taken too. A topology is [K, 4]: for each limb
its field channels (along the rows, along the columns) and its two parts. Peaks are (row, column).

The functions that end in ``_out`` write to tensors of the caller's: what lies past a count stays as
it is.
"""

from __future__ import annotations

import torch

from heatpose import ops
from heatpose.adapters.trt_pose._tensors import (
    check_target,
    floats,
    ints,
    read_topology,
    tensor_of,
    write_counted,
)
from heatpose.adapters.trt_pose.targets import generate_cmap, generate_paf
from heatpose.ops._arrays import whole

__all__ = [
    "assignment",
    "assignment_out",
    "connect_parts",
    "connect_parts_out",
    "find_peaks",
    "find_peaks_out",
    "generate_cmap",
    "generate_paf",
    "paf_score_graph",
    "paf_score_graph_out",
    "refine_peaks",
    "refine_peaks_out",
]


def find_peaks(
    input: torch.Tensor, threshold: float, window_size: int, max_count: int
) -> list[torch.Tensor]:
    """Find the pixels that are the largest in a square around them.

    Args:
        input: [N, C, H, W], heatmaps.
        threshold: A peak's value is at least this.
        window_size: Side of the square; an even one counts as the next odd one. Of a plateau every
            pixel is a peak.
        max_count: M; of more peaks the first in raster order are kept.

    Returns:
        counts: int32 [N, C].
        peaks: int32 [N, C, M, 2], (row, column) in raster order; zero past the count.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.
    """
    maps = tensor_of("input", input, 4)
    window = max(whole("window_size", window_size, low=0), 1)
    most = whole("max_count", max_count, low=0)
    if most == 0:
        counts = maps.new_zeros(maps.shape[:2], dtype=torch.int32)
        return [counts, maps.new_zeros((*maps.shape[:2], 0, 2), dtype=torch.int32)]
    found = ops.find_peaks(
        maps,
        threshold=threshold,
        window=window,
        inclusive=True,
        ties="all",
        keep="first",
        max_peaks=most,
    )
    return [found.counts, found.xy.flip(-1)]


def find_peaks_out(
    counts: torch.Tensor,
    peaks: torch.Tensor,
    input: torch.Tensor,
    threshold: float,
    window_size: int,
    max_count: int,
) -> None:
    """:func:`find_peaks`, written to ``counts`` and ``peaks``."""
    found, places = find_peaks(input, threshold, window_size, max_count)
    target = check_target("peaks", peaks, places)
    check_target("counts", counts, found).copy_(found)
    write_counted(target, places, found)


def refine_peaks(
    counts: torch.Tensor, peaks: torch.Tensor, cmap: torch.Tensor, window_size: int
) -> torch.Tensor:
    """Move peaks to the centre of the values in a square around them.

    The map is mirrored at its border. (A square that reaches past the mirrored map, in maps of a
    few pixels, is mirrored again; the original reads out of bounds.)

    Args:
        counts: int32 [N, C].
        peaks: int32 [N, C, M, 2], (row, column).
        cmap: [N, C, H, W], heatmaps.
        window_size: Side of the square; an even one counts as the next odd one.

    Returns:
        float32 [N, C, M, 2], (y, x) as shares of the map's height and width; zero past the count.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.
    """
    window = max(whole("window_size", window_size, low=0), 1)
    places = ops.refine_peaks(
        ints("peaks", peaks, 4).flip(-1),
        ints("counts", counts, 2),
        tensor_of("cmap", cmap, 4),
        window=window,
    )
    return places.flip(-1)  # type: ignore[no-any-return]


def refine_peaks_out(
    refined_peaks: torch.Tensor,
    counts: torch.Tensor,
    peaks: torch.Tensor,
    cmap: torch.Tensor,
    window_size: int,
) -> None:
    """:func:`refine_peaks`, written to ``refined_peaks``."""
    places = refine_peaks(counts, peaks, cmap, window_size)
    write_counted(check_target("refined_peaks", refined_peaks, places), places, counts)


def paf_score_graph(
    paf: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    peaks: torch.Tensor,
    num_integral_samples: int,
) -> torch.Tensor:
    """Score every pair of peaks of every limb: the mean of its field along the way.

    Args:
        paf: [N, 2 K, H, W], part affinity fields.
        topology: int32 [K, 4].
        counts: int32 [N, C].
        peaks: float32 [N, C, M, 2], (y, x) as shares of the map, from :func:`refine_peaks`.
        num_integral_samples: Points on the way, both ends included.

    Returns:
        float32 [N, K, M, M]; zero past the counts.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.
    """
    limbs, channels = read_topology(topology)
    scores: torch.Tensor = ops.score_pairs(
        floats("peaks", peaks, 4).flip(-1),
        ints("counts", counts, 2),
        tensor_of("paf", paf, 4),
        limbs,
        channels,
        samples=num_integral_samples,
    )
    return scores


def paf_score_graph_out(
    score_graph: torch.Tensor,
    paf: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    peaks: torch.Tensor,
    num_integral_samples: int,
) -> None:
    """:func:`paf_score_graph`, written to ``score_graph``."""
    scores = paf_score_graph(paf, topology, counts, peaks, num_integral_samples)
    target = check_target("score_graph", score_graph, scores)
    parts = torch.from_numpy(read_topology(topology)[0].copy()).to(counts.device)
    write_counted(target, scores, counts[:, parts[:, 0]], counts[:, parts[:, 1]])


def assignment(
    score_graph: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    score_threshold: float,
) -> torch.Tensor:
    """Pair the peaks of each limb so that the sum of scores is greatest.

    Args:
        score_graph: float32 [N, K, M, M].
        topology: int32 [K, 4].
        counts: int32 [N, C].
        score_threshold: A pair's score exceeds this.

    Returns:
        int32 [N, K, 2, M]: for each peak of the limb's first part that of the second, then for each
        of the second that of the first; -1 for none.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.
    """
    limbs, _ = read_topology(topology)
    partners: torch.Tensor = ops.assign_pairs(
        floats("score_graph", score_graph, 4),
        ints("counts", counts, 2),
        limbs,
        threshold=score_threshold,
    )
    return partners


def assignment_out(
    connections: torch.Tensor,
    score_graph: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    score_threshold: float,
) -> None:
    """:func:`assignment`, written to ``connections`` where there is a pair: fill it with -1."""
    partners = assignment(score_graph, topology, counts, score_threshold)
    target = check_target("connections", connections, partners)
    target.copy_(torch.where(partners >= 0, partners, target))


def connect_parts(
    connections: torch.Tensor, topology: torch.Tensor, counts: torch.Tensor, max_count: int
) -> list[torch.Tensor]:
    """Gather the peaks that hang together.

    Args:
        connections: int32 [N, K, 2, M], from :func:`assignment`.
        topology: int32 [K, 4].
        counts: int32 [N, C].
        max_count: P; further people are left out. (The original writes past its buffer where P is
            less than M.)

    Returns:
        object_counts: int32 [N].
        objects: int32 [N, P, C], which of its part's peaks each person has, or -1.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong.
    """
    limbs, _ = read_topology(topology)
    found = ops.connect_peaks(
        ints("connections", connections, 4), ints("counts", counts, 2), limbs, max_people=max_count
    )
    return [found.counts, found.people]


def connect_parts_out(
    object_counts: torch.Tensor,
    objects: torch.Tensor,
    connections: torch.Tensor,
    topology: torch.Tensor,
    counts: torch.Tensor,
    max_count: int,
) -> None:
    """:func:`connect_parts`, written to ``object_counts`` and ``objects``."""
    found, people = connect_parts(connections, topology, counts, max_count)
    target = check_target("objects", objects, people)
    check_target("object_counts", object_counts, found).copy_(found)
    target.copy_(people)
