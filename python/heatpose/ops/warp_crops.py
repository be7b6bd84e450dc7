"""Crops of a photo as the input of a top-down network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from heatpose.native import core
from heatpose.ops._arrays import (
    LARGEST,
    Array,
    Float32,
    as_float64_there,
    borrow,
    finite,
    flag,
    on_device,
    size_pair,
)
from heatpose.ops._images import as_photo, pixel_type
from heatpose.ops._outputs import out_array
from heatpose.ops._spaces import Space, TorchSpace
from heatpose.ops._traceable import traceable

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's photos, red, green, blue, in units of 0..1."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's photos, red, green, blue, in units of 0..1."""


@traceable
def warp_crops(
    image: Array,
    matrices: Array,
    size: Sequence[int],
    *,
    mean: float | Sequence[float] = 0.0,
    std: float | Sequence[float] = 1.0,
    norm_scale: float = 1 / 255,
    swap_rgb: bool = False,
    border_value: float | Sequence[float] = 0.0,
    dtype: Any = "float32",
    out: Array | None = None,
) -> Any:
    """Cut N boxes out of a photo, turned and resized, normalised, channels first.

    Crop pixel (x, y) is the photo at ``matrix @ (x, y, 1)``, bilinear between the four pixels
    around it; those outside the photo have the border's value, so that edges fade into it. This is
    ``cv2.warpAffine`` with ``INTER_LINEAR | WARP_INVERSE_MAP`` and ``BORDER_CONSTANT``, except that
    coordinates are not rounded to 1/32 pixel and values not to whole grey levels.

    Args:
        image: uint8 [H, W, 3], channels in any order; or [H, W] grey, which fills all three
            channels. Strided views are copied.
        matrices: float32 or float64 [N, 2, 3], photo (x, y) in pixels from crop (x, y, 1), pixel
            centres on whole numbers. See :func:`crop_matrices`. A singular one is fine. N may be 0.
            For a photo on a CUDA device they may lie on the host or on the device; there their
            numbers are not checked, and a crop whose matrix is not finite is border.
        size: (h, w) of a crop in pixels.
        mean: The output is ``(grey * norm_scale - mean) / std``: one number or three, in the order
            of the output's channels. See ``IMAGENET_MEAN``.
        std: See ``mean``.
        norm_scale: See ``mean``; the default makes 0..255 into 0..1.
        swap_rgb: Reverse the channels, BGR to RGB or back.
        border_value: Grey level outside the photo, 0 to 255: one number or three, in the order of
            the photo's channels. Normalised like the rest.
        dtype: "float32" or "float16" (rounded once, half to even).
        out: Array of the output's shape and type to write to, C-contiguous; it must not
            overlap ``image``.

    Returns:
        The crops [N, 3, h, w], NumPy or torch like ``image``.

    Raises:
        TypeError: image is not a uint8 array, matrices are no floats, or a setting is of another
            type.
        ValueError: a shape or setting is wrong, or a matrix holds NaN or infinity.

    Source: the top-down pre-processing of Simple Baselines (Xiao et al., 2018, arXiv:1804.06208).
    """
    photo, space = as_photo("image", image)
    places = _places(matrices, space)
    means, stds = _three("mean", mean), _three("std", std)
    if not (stds > 0).all():
        raise ValueError(f"std must be greater than 0, got {std!r}")
    border = _three("border_value", border_value)
    if not ((border >= 0) & (border <= 255)).all():
        raise ValueError(f"border_value must be between 0 and 255, got {border_value!r}")
    # The core takes them in the photo's order.
    order = slice(None, None, -1 if flag("swap_rgb", swap_rgb) else 1)
    shape = (places.shape[0], 3, *size_pair("size", size))
    kind, reads = pixel_type("dtype", dtype), [("image", photo), ("matrices", places)]
    factor = finite("norm_scale", norm_scale)
    with np.errstate(over="ignore"):
        gain, offset = factor / stds, -means / stds
    if not (np.abs([gain, offset]) <= LARGEST).all():
        raise ValueError(
            "std must keep norm_scale / std and mean / std within float32's range, got "
            f"std {std!r} with norm_scale {norm_scale!r} and mean {mean!r}"
        )
    with space.queue():
        array, answer = out_array("out", out, shape, space, dtype=kind, reads=reads)
        core.warp_crops(
            photo,
            places,
            array,
            gain=_float32(gain[order]),
            offset=_float32(offset[order]),
            border=_float32(border),
            swap_rgb=flag("swap_rgb", swap_rgb),
            cuda=space.call(),
        )
    return answer


def _places(matrices: Array, space: Space) -> Any:
    """Matrices as float64 [N, 2, 3] where the photo lies, checked unless they lie on a device."""
    places = matrices
    if not on_device(matrices):
        places, kept = borrow("matrices", matrices, dtypes=("float32", "float64"))
        if isinstance(kept, TorchSpace):
            places = places.numpy()
        if places.ndim == 3:
            places = np.ascontiguousarray(places, np.float64)
            broken = ~np.isfinite(places).all(axis=(1, 2))
            if broken.any():
                first = int(broken.argmax())
                raise ValueError(
                    f"matrices must be finite, got {places[first].tolist()} at index {first}"
                )
    if places.ndim != 3 or tuple(places.shape[1:]) != (2, 3):
        raise ValueError(f"matrices must have shape [N, 2, 3], got {tuple(places.shape)}")
    return as_float64_there("matrices", places, space)


def _three(name: str, value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """One number for all channels, or one for each, as float64 [3]."""
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0):
        values = list(value)
    else:
        values = [value] * 3
    if len(values) != 3:
        raise ValueError(f"{name} must be one number or three, got {value!r}")
    return np.array([finite(name, each) for each in values])


def _float32(values: np.ndarray[Any, np.dtype[np.float64]]) -> Float32:
    return np.ascontiguousarray(values, np.float32)
