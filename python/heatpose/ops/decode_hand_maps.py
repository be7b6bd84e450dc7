"""Keypoints of one hand from the maps of an OpenPose-like hand network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from heatpose.native import core
from heatpose.ops._arrays import Array, choice, finite
from heatpose.ops._outputs import out_tuple
from heatpose.ops._scales import BORDERS, Size, read_interpolation, read_scales
from heatpose.ops._taps import read_taps
from heatpose.ops._traceable import traceable


class HandKeypoints(NamedTuple):
    """Keypoints of a hand's crop.

    Attributes:
        coords: float32 [..., C, 2], (x, y) in pixels of the crop, NaN where missing.
        scores: float32 [..., C], value of the averaged map there, 0 where missing.
    """

    coords: Any
    scores: Any


@traceable
def decode_hand_maps(
    maps: Array | Sequence[Array],
    canvas: Size,
    *,
    content: Size | Sequence[Size | None] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    sigma: float | None = 3.0,
    truncate: float = 4.0,
    border: str = "reflect",
    threshold: float = 0.05,
    out: HandKeypoints | None = None,
) -> HandKeypoints:
    """Find one place per channel, as OpenPose's Python programs do for a hand.

    Where the smoothed average of a channel is above ``threshold``, its 8-connected components are
    compared by the sum of the average that is not smoothed; the largest value in the heaviest
    component is the keypoint. Of equal components, and of equal values, the first in raster order
    wins. A channel with no pixel above the threshold is missing: NaN, never (0, 0). Only tiles
    that can be above the threshold are evaluated.

    Args:
        maps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w]; or a sequence, one per scale.
        canvas: (H, W), size of the hand's crop in pixels.
        content: (height, width) in network-input pixels that the crop covered, per scale. None:
            the map covers the whole crop.
        stride: Network-input pixels per cell.
        weights: Share of each scale in the average. None: 1 / S each.
        interpolation: From cells to canvas, see :func:`heatpose.ops.peaks_from_cells`.
        sigma: Of the Gaussian smoothing, in canvas pixels; 0 for none.
        truncate: The Gaussian ends at ``int(truncate * sigma + 0.5)`` pixels.
        border: What the smoothing sees outside the canvas, in SciPy's names.
        threshold: Of the smoothed average.
        out: HandKeypoints to write to: arrays of the shapes and types that are returned, on the
            device of ``maps``. Default: fresh ones.

    Returns:
        HandKeypoints, like ``maps``.

    Raises:
        TypeError: maps are no arrays, or of another element type.
        ValueError: a shape or setting is wrong, or there are more than 12 scales on a CUDA
            device.

    Source: Simon et al., 2017, arXiv:1704.07809; the rule is that of the Python programs after it.
    """
    scales = read_scales("maps", maps, canvas, content=content, stride=stride, weights=weights)
    pair = read_interpolation(interpolation)
    smoothing = read_taps(sigma, truncate=truncate)
    outside = choice("border", border, BORDERS)
    space = scales.space
    with space.queue():
        layout = (((*scales.lead, 2), "float32"), (scales.lead, "float32"))
        reads = [("maps", cells) for cells, *_ in scales.native]
        (coords, scores), answer = out_tuple("out", out, HandKeypoints, layout, space, reads)
        core.decode_hand_maps(
            scales.native,
            canvas_height=scales.canvas[0],
            canvas_width=scales.canvas[1],
            enlarge=pair[0],
            resize=pair[1],
            taps=smoothing,
            border=outside,
            threshold=finite("threshold", threshold),
            coords=coords.reshape(math.prod(scales.lead), 2),
            scores=scores.reshape(-1),
            cuda=scales.call("decode_hand_maps", pair, smoothing, outside),
        )
    return answer  # type: ignore[no-any-return]
