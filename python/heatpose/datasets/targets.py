"""What a network is trained towards: heatmaps, part affinity fields, and where not to look.

All of it is NumPy. With the 19 limbs of COCO-18 and maps of 46 x 46 cells the targets and masks
take 1.0 ms for one person and 3.2 ms for twenty on one core (46 x 82: 1.7 and 4.0;
``python -m benchmarks.bench_targets``), of the 33 ms that a photo may take where two cores feed 60
a second. A native op would not make an epoch shorter. The pixel loops that these functions are
tested against are in :mod:`heatpose.reference.targets`.

Points are in cells, cell centres on whole numbers; see :func:`cells_from_crop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from heatpose.datasets.target_maps import (
    Bools,
    Float32,
    Float64,
    as_people,
    heatmap_targets,
    keypoint_weights,
    paf_targets,
)
from heatpose.datasets.target_masks import as_corners, box_corners, loss_masks, person_regions
from heatpose.ops._arrays import choice, size_pair
from heatpose.skeletons import Skeleton

__all__ = [
    "AI_CHALLENGER_TARGETS",
    "OPENPOSE_TARGETS",
    "BodyTargets",
    "TargetOptions",
    "body_targets",
    "box_corners",
    "cells_from_crop",
    "heatmap_targets",
    "keypoint_weights",
    "loss_masks",
    "paf_targets",
    "person_regions",
]

_GRIDS = ("centres", "classic", "udp")


@dataclass(frozen=True)
class TargetOptions:
    """How the targets of a bottom-up network are drawn.

    Attributes:
        stride: Input pixels per cell.
        sigma: Standard deviation of a keypoint's Gaussian, in cells.
        width: Half the width of a limb, in cells.
        unbiased: See :func:`heatmap_targets`.
        floor: See :func:`heatmap_targets`.
        several: See :func:`heatmap_targets`.
        caps: See :func:`paf_targets`.
        margin: See :func:`person_regions`.
    """

    stride: int = 8
    sigma: float = 0.875
    width: float = 1.0
    unbiased: bool = True
    floor: float = 0.0
    several: str = "maximum"
    caps: str = "round"
    margin: float = 0.25


OPENPOSE_TARGETS = TargetOptions(floor=0.01, caps="box")
"""OpenPose's: sigma 7 pixels at stride 8, cut at an exponent of 4.6052 (1 %), limbs of 1 cell.

Source: Cao et al., 2017, arXiv:1611.08050, and the constants of its training layer.
"""
AI_CHALLENGER_TARGETS = TargetOptions(floor=0.01, several="sum", caps="box")
"""Those of the two-branch AI Challenger program: OpenPose's, but people add up, clipped to 1."""


class BodyTargets(NamedTuple):
    """What a bottom-up network should answer for one input, and where that is known.

    Attributes:
        heatmaps: float32 [K, h, w], or [K + 1, h, w] with the background last.
        pafs: float32 [2 L, h, w], in the order of the skeleton's PAF channels.
        heatmap_mask: bool like ``heatmaps``, False where the loss must not look.
        paf_mask: bool like ``pafs``.
    """

    heatmaps: Float32
    pafs: Float32
    heatmap_mask: Bools
    paf_mask: Bools


def body_targets(
    keypoints: Any,
    labelled: Any,
    skeleton: Skeleton,
    size: Sequence[int],
    options: TargetOptions | None = None,
    *,
    regions: Any = None,
    unlabelled: Any = (),
) -> BodyTargets:
    """All targets of a bottom-up network for one input.

    Args:
        keypoints: [P, K, 2], (x, y) in pixels of the input.
        labelled: bool [P, K].
        skeleton: With PAF channels. Its background, if any, comes last.
        size: (H, W) of the input in pixels, multiples of the stride.
        options: None for the defaults.
        regions: Where each person is, in pixels of the input: boxes [P, 4] (x1, y1, x2, y2) or
            corners [P, Q, 2] of convex polygons, NaN for the person's own :func:`person_regions`.
        unlabelled: Boxes [M, 4] or corners [M, Q, 2] of people that nobody annotated.

    Raises:
        TypeError: an argument is of another type.
        ValueError: an argument has a wrong shape or value.
    """
    chosen = options if options is not None else TargetOptions()
    height, width = size_pair("size", size)
    if height % chosen.stride or width % chosen.stride:
        raise ValueError(f"size must be multiples of the stride {chosen.stride}, got {size!r}")
    cells = (height // chosen.stride, width // chosen.stride)
    points, known = as_people(keypoints, labelled)
    places = cells_from_crop(points, (height, width), cells)
    heatmaps = heatmap_targets(
        places,
        known,
        cells,
        chosen.sigma,
        unbiased=chosen.unbiased,
        background=skeleton.has_background,
        floor=chosen.floor,
        several=chosen.several,
    )
    channels = skeleton.paf_channels
    pafs, count = paf_targets(
        places,
        known,
        skeleton.limbs,
        cells,
        chosen.width,
        caps=chosen.caps,
        channels=channels,
    )
    around = as_corners("regions", regions) if regions is not None else None
    masks = loss_masks(
        heatmaps,
        count,
        known,
        skeleton.limbs,
        regions=cells_from_crop(
            person_regions(points, known, around, margin=chosen.margin), (height, width), cells
        ),
        unlabelled=cells_from_crop(as_corners("unlabelled", unlabelled), (height, width), cells),
        background=skeleton.has_background,
        channels=channels,
    )
    return BodyTargets(heatmaps, pafs, *masks)


def cells_from_crop(
    points: Any, size: Sequence[int], cells: Sequence[int], *, grid: str = "centres"
) -> Float64:
    """Where points of a network's input lie on its maps.

    Args:
        points: float [..., 2], (x, y) in input pixels, pixel centres on whole numbers.
        size: (H, W) of the input in pixels.
        cells: (h, w) of the maps.
        grid: "centres": a cell covers the pixels under it, ``(x + 0.5) / stride - 0.5``, as
            bottom-up networks are decoded. "classic": ``x / stride``, as the classic top-down
            systems have it. "udp": the first and last pixel lie on the first and last cell.

    Returns:
        float64 [..., 2] in cells. See :func:`heatpose.ops.crop_matrices` for "classic" and "udp".
    """
    height, width = size_pair("size", size)
    rows, columns = size_pair("cells", cells)
    places: Float64 = np.asarray(points, np.float64)
    inputs, maps = np.array([width, height]), np.array([columns, rows])
    kind = _GRIDS[choice("grid", grid, _GRIDS)]
    shift = 0.5 if kind == "centres" else 0.0
    if kind == "udp":
        if min(height, width) < 2:
            raise ValueError(f"size must be at least 2 for UDP, got {size!r}")
        inputs, maps = inputs - 1, maps - 1
    placed: Float64 = (places + shift) * (maps / inputs) - shift
    return placed
