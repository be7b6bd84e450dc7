"""From network cells to canvas pixels, all scales at once."""

from __future__ import annotations

from collections.abc import Sequence

from heatpose.native import core
from heatpose.ops._arrays import Array, flat_planes
from heatpose.ops._outputs import out_array
from heatpose.ops._scales import Size, read_interpolation, read_scales
from heatpose.ops._traceable import traceable


@traceable
def resize_average(
    maps: Array | Sequence[Array],
    canvas: Size,
    *,
    content: Size | Sequence[Size | None] | None = None,
    stride: int = 8,
    weights: Sequence[float] | None = None,
    interpolation: str | tuple[str, str] = "cubic",
    out: Array | None = None,
) -> Array:
    """Bring the maps of one or more scales to the size of the photo and average them.

    Per scale: enlarge by ``stride``, crop to the content (the padding goes), resize to the canvas;
    then the weighted sum. The three steps are linear, so they run as one pass over the output.

    Args:
        maps: float32, float16 or bfloat16 [C, h, w] or [N, C, h, w], in cells; or a sequence of
            them, one per scale, with h and w of their own.
        canvas: (H, W), the size of the photo in pixels.
        content: (height, width) of the photo inside the network's input, in its pixels: 1 to
            h * stride. One pair for all scales or one per scale. Default: all of the input.
        stride: Network-input pixels per cell.
        weights: Share of each scale; they need not sum to 1. Default: 1 / number of scales.
        interpolation: "nearest", "linear", "cubic", "area" or "lanczos4", as cv2.resize has them
            (half-pixel centres, replicated border, no antialiasing but area's); or a pair
            (enlarging by the stride, resizing to the canvas). "area" looks at each axis on its
            own, where OpenCV samples the shrinking axis if the other one grows.
        out: float32 [C, H, W] or [N, C, H, W] to write to, C-contiguous. It must not
            overlap ``maps``.

    Returns:
        float32 [C, H, W] or [N, C, H, W], like ``maps``; ``out`` where given. A pixel that touches
        a cell (with a weight that is not zero) which is NaN or infinite is NaN; no other pixel is.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or there are more than 12 scales on a CUDA
            device.

    Source: the multi-scale search of OpenPose (Cao et al., 2017, arXiv:1611.08050) as its Python
    decoders write it, per channel with two cv2.resize calls.
    """
    scales = read_scales("maps", maps, canvas, content=content, stride=stride, weights=weights)
    pair = read_interpolation(interpolation)
    reads = [("maps", cells) for cells, *_ in scales.native]
    shape = (*scales.lead, *scales.canvas)
    with scales.space.queue():
        target, answer = out_array("out", out, shape, scales.space, reads=reads)
        core.resize_average(
            scales.native,
            flat_planes(target),
            enlarge=pair[0],
            resize=pair[1],
            cuda=scales.call("resize_average", pair),
        )
    return answer
