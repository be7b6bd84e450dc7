"""A photo as the input of a body or hand network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heatpose.native import core
from heatpose.ops._arrays import Array, finite, flag, out_array, size_pair, whole
from heatpose.ops._images import as_photo, pixel_type
from heatpose.ops._traceable import traceable

_LARGEST = 1 << 20


@traceable
def prepare_image(
    image: Array,
    *,
    size: Sequence[int] | None = None,
    scale: float | None = None,
    stride: int = 8,
    pad_value: int = 128,
    norm_scale: float = 1 / 256,
    norm_offset: float = -0.5,
    swap_rgb: bool = False,
    dtype: Any = "float32",
    out: Array | None = None,
) -> tuple[Any, tuple[int, int]]:
    """Resize a photo, pad it to a multiple of the stride, normalise it, put channels first.

    The resize is OpenCV's ``INTER_CUBIC`` (a = -0.75, no antialiasing, clamped border), rounded to
    whole grey levels as a resized photo is. Like OpenCV's, a resize by a factor samples at steps of
    exactly ``1 / scale``, a resize to a size at steps of ``photo / size``; the two differ by
    a fraction of a pixel where ``scale`` does not give a whole size. A photo that has the content's
    size already is copied.

    Args:
        image: uint8 [H, W, 3], channels in any order; or [H, W] grey, which fills all three
            channels. Strided views are copied.
        size: (ch, cw), the content's height and width in pixels. Exactly one of ``size`` and
            ``scale`` is given.
        scale: Factor; the content is H * scale and W * scale pixels, rounded half to even, at least
            1.
        stride: The output's height and width are the content's, padded right and down to multiples
            of it.
        pad_value: Grey level of the padding, 0 to 255, before it is normalised like the rest.
        norm_scale: The output is ``grey * norm_scale + norm_offset``.
        norm_offset: See ``norm_scale``.
        swap_rgb: Reverse the channels, BGR to RGB or back.
        dtype: "float32" or "float16" (rounded once, half to even).
        out: Array of the output's shape and type to write to, C-contiguous; it must not
            overlap ``image``.

    Returns:
        The input [1, 3, H', W'], NumPy or torch like ``image``, and the content's (ch, cw).

    Raises:
        TypeError: image is not a uint8 array, or a setting is of another type.
        ValueError: a shape or setting is wrong, or both or none of size and scale are given.

    Differs from ``cv2.resize`` by one grey level in about one of 100,000 pixels where OpenCV is
    built with IPP (float arithmetic, as here, added in another order), in about one of 25 where it
    is not (weights rounded to 11 bits). Every vector unit gives the same bits.

    Source: the pre-processing of OpenPose (Cao et al., 2017, arXiv:1611.08050) and its PyTorch and
    Paddle versions.
    """
    photo, space = as_photo("image", image)
    height, width = photo.shape[:2]
    if (size is None) == (scale is None):
        given = "none" if size is None else "both"
        raise ValueError(f"exactly one of size and scale must be given, got {given}")
    if size is not None:
        content = size_pair("size", size)
        # The reciprocal of the ratio, because OpenCV computes it so and not as photo / size.
        steps = 1 / (content[0] / height), 1 / (content[1] / width)
    else:
        factor = finite("scale", scale, above=0)  # type: ignore[arg-type]
        if max(height, width) * factor > _LARGEST:
            raise ValueError(
                f"scale must leave at most {_LARGEST} rows and columns, got {scale!r} for a photo "
                f"of {height} x {width}"
            )
        content = scaled_size(height, width, factor)
        # 1e300 and not infinity: a photo that small is one pixel wherever it is sampled.
        steps = (min(1 / max(factor, 1e-300), 1e299),) * 2
    stride = whole("stride", stride, low=1, high=1 << 16)
    shape = (1, 3, -(-content[0] // stride) * stride, -(-content[1] // stride) * stride)
    kind, reads = pixel_type("dtype", dtype), [("image", photo)]
    with space.queue():
        array, answer = out_array("out", out, shape, space, dtype=kind, reads=reads)
        core.prepare_image(
            photo,
            array,
            content_height=content[0],
            content_width=content[1],
            step_y=steps[0],
            step_x=steps[1],
            norm_scale=finite("norm_scale", norm_scale),
            norm_offset=finite("norm_offset", norm_offset),
            pad_value=whole("pad_value", pad_value, low=0, high=255),
            swap_rgb=flag("swap_rgb", swap_rgb),
            cuda=space.call(),
        )
    return answer, content


def scaled_size(height: Any, width: Any, factor: float) -> tuple[Any, Any]:
    """Rows and columns of a photo that is resized by a factor; torch traces it as well."""
    return max(round(height * factor), 1), max(round(width * factor), 1)
