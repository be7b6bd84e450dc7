"""Separable Gaussian smoothing of maps that lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heatpose.native import core
from heatpose.ops._arrays import Array, as_maps, choice, flat_planes
from heatpose.ops._outputs import out_array
from heatpose.ops._scales import BORDERS
from heatpose.ops._taps import read_taps
from heatpose.ops._traceable import traceable


@traceable
def gaussian_smooth(
    maps: Array,
    sigma: float | None = None,
    *,
    truncate: float = 4.0,
    kernel_size: int | None = None,
    border: str = "reflect",
    taps: Sequence[float] | None = None,
    out: Array | None = None,
) -> Array:
    """Smooth every map with a Gaussian filter, as scipy.ndimage.gaussian_filter does.

    Args:
        maps: float32, float16 or bfloat16 [H, W], [C, H, W] or [N, C, H, W].
        sigma: Standard deviation in pixels; 0 for a copy. May be None with ``kernel_size`` or
            ``taps``.
        truncate: The radius is int(truncate * sigma + 0.5) pixels.
        kernel_size: Odd number of taps instead, as cv2.GaussianBlur takes it; without a sigma, it
            is 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8. (For sizes up to 9 without a sigma OpenCV
            has small tables of its own; give them as ``taps``.)
        border: What lies outside, in SciPy's words (OpenCV's in brackets): "reflect"
            d c b a | a b c d (BORDER_REFLECT), "mirror" d c b | a b c d (BORDER_REFLECT_101),
            "nearest" a a a | a b c d (BORDER_REPLICATE), "constant" 0 0 0 | a b c d
            (BORDER_CONSTANT), "wrap" b c d | a b c d (BORDER_WRAP).
        taps: Weights of the filter along each axis instead of a Gaussian: odd count, symmetric.
            They need not sum to 1.
        out: float32, shape of ``maps``, C-contiguous, to write to. It must not overlap ``maps``:
            a row that is written would still be read for its neighbours.

    Returns:
        float32 array or tensor, shape and kind of ``maps``; ``out`` where given. NaN and infinity
        spread as sums do: a NaN makes every pixel whose window holds it NaN.

    Raises:
        TypeError: an array or setting is of another type.
        ValueError: a shape or setting is wrong, or out overlaps maps.

    Source: SciPy's gaussian_filter, which the Python decoders of OpenPose call (sigma 3).
    """
    array, space = as_maps("maps", maps, ndim=(2, 3, 4))
    if sigma is None and kernel_size is None and taps is None:
        raise ValueError("sigma must be given unless kernel_size or taps is")
    if taps is not None and (sigma is not None or kernel_size is not None):
        raise ValueError("taps takes the place of sigma and kernel_size: give one or the other")
    read = read_taps(sigma, truncate=truncate, kernel_size=kernel_size, taps=taps)
    weights = np.array(read or (1.0,))
    if not np.allclose(weights, weights[::-1], rtol=1e-6, atol=0):
        raise ValueError("taps must be symmetric")
    number = choice("border", border, BORDERS)
    with space.queue():
        shape = tuple(array.shape)
        target, answer = out_array("out", out, shape, space, reads=[("maps", array)])
        core.gaussian_smooth(
            flat_planes(space.contiguous(array)),
            flat_planes(target),
            taps=weights[len(weights) // 2 :],
            border=number,
            cuda=space.call(),
        )
    return answer
