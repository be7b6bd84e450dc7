"""Peaks of the smoothed, averaged maps, straight from the network's cells."""

from __future__ import annotations

from collections.abc import Sequence

from heatpose.native import core
from heatpose.ops._arrays import Array, choice, finite, whole
from heatpose.ops._outputs import out_tuple
from heatpose.ops._scales import BORDERS, Size, read_interpolation, read_scales
from heatpose.ops._taps import read_taps
from heatpose.ops._traceable import traceable
from heatpose.ops.find_peaks import (
    TIES,
    Peaks,
    flat_peaks,
    peaks_layout,
    read_connectivity,
)

REFINEMENTS = ("none", "centroid", "taylor")


@traceable
def peaks_from_cells(
    maps: Array | Sequence[Array],
    canvas: Size,
    *,
    content: Size | Sequence[Size | None] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    sigma: float | None = 3.0,
    truncate: float = 4.0,
    taps: Sequence[float] | None = None,
    border: str = "reflect",
    threshold: float = 0.1,
    connectivity: int = 4,
    ties: str = "first",
    max_peaks: int = 128,
    refine: str = "none",
    out: Peaks | None = None,
) -> Peaks:
    """Find the peaks that the classic programs find on canvas-size maps, without making any.

    The same answer as :func:`resize_average`, :func:`gaussian_smooth` and :func:`find_peaks`
    (scored by the map that is not smoothed): resizing, averaging and smoothing are one banded
    linear operator per axis, so a pixel costs a few dozen multiply-adds, and interval arithmetic
    on the operator's rows rules out most tiles of the canvas at once.

    Args:
        maps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w]; or a sequence, one per scale.
        canvas: (H, W), size of the photo in pixels.
        content: (height, width) in network-input pixels that the photo covered, per scale. None:
            the map covers the whole canvas.
        stride: Network-input pixels per cell.
        weights: Share of each scale in the average. None: 1 / S each.
        interpolation: OpenCV's, or a pair (enlarge by ``stride``, resize to ``canvas``): "nearest",
            "linear", "cubic", "area", "lanczos4".
        sigma: Of the Gaussian smoothing, in canvas pixels; 0 for none.
        truncate: The Gaussian ends at ``int(truncate * sigma + 0.5)`` pixels.
        taps: Weights of another smoothing, in place of the Gaussian's.
        border: What the smoothing sees outside the canvas, in SciPy's names: "reflect", "mirror",
            "nearest", "constant" (0) or "wrap".
        threshold: A peak's smoothed value exceeds it.
        connectivity: 4 or 8 neighbours.
        ties: Between equal neighbours, see :func:`find_peaks`.
        max_peaks: M, peaks kept per channel.
        refine: "none"; "centroid" (of the positive smoothed values in a 7x7 window, as OpenPose
            does); or "taylor" (the Newton step of DarkPose on the logarithm of the smoothed map,
            at most one pixel). Then ``xy`` is float32.
        out: Peaks to write to: arrays of the shapes and types that are returned, on the
            device of ``maps``. Default: fresh ones.

    Where two neighbouring pixels tie exactly, rounding decides which of them is the peak: float32
    here, float64 in the reference.

    Returns:
        Peaks, like ``maps``; a pixel that touches a cell which is not finite is never a peak.

    Raises:
        TypeError: maps are no arrays, or of another element type.
        ValueError: a shape or setting is wrong, or there are more than 12 scales on a CUDA
            device.

    Source: OpenPose (Cao et al., 2017, arXiv:1611.08050); DarkPose (Zhang et al., 2020,
    arXiv:1910.06278) for "taylor".
    """
    scales = read_scales("maps", maps, canvas, content=content, stride=stride, weights=weights)
    pair = read_interpolation(interpolation)
    neighbours = read_connectivity(connectivity)
    refinement = choice("refine", refine, REFINEMENTS)
    max_peaks = whole("max_peaks", max_peaks, low=1)
    smoothing = read_taps(sigma, truncate=truncate, taps=taps)
    outside = choice("border", border, BORDERS)
    space = scales.space
    with space.queue():
        layout = peaks_layout(scales.lead, max_peaks, "float32" if refinement else "int32")
        reads = [("maps", cells) for cells, *_ in scales.native]
        peaks, answer = out_tuple("out", out, Peaks, layout, space, reads)
        xy, scores, counts, overflow = flat_peaks(peaks)
        refined = xy if refinement else None
        if refinement:  # the pixels that the places between pixels start from
            xy = space.empty(tuple(xy.shape), "int32")
        core.peaks_from_cells(
            scales.native,
            canvas_height=scales.canvas[0],
            canvas_width=scales.canvas[1],
            enlarge=pair[0],
            resize=pair[1],
            taps=smoothing,
            border=outside,
            threshold=finite("threshold", threshold),
            connectivity=neighbours,
            ties=choice("ties", ties, TIES),
            refine=refinement,
            xy=xy,
            scores=scores,
            counts=counts,
            overflow=overflow,
            refined=refined,
            cuda=scales.call("peaks_from_cells", pair, smoothing, outside),
        )
    return answer  # type: ignore[no-any-return]
