"""What an estimator accepts as a photo."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from heatpose.media import read_image

Photo: TypeAlias = "str | os.PathLike[str] | NDArray[np.uint8] | Tensor"
"""The path of an image file, or a uint8 array or tensor [H, W, 3] BGR, grey or BGRA."""


def as_photo(image: Photo, name: str) -> NDArray[np.uint8]:
    """Bring a photo of any accepted kind to one.

    Args:
        image: The path of an image file, or a uint8 array or tensor of any device: [H, W, 3] BGR,
            [H, W] or [H, W, 1] grey, [H, W, 4] BGRA, which is laid on white as files are.
        name: What error messages call it.

    Returns:
        uint8 [H, W, 3] BGR, C-contiguous. The array itself where it is already so.

    Raises:
        TypeError: not a photo, or not uint8.
        ValueError: another shape, or no pixels; a file that is not an image.
        FileNotFoundError: no such file.
    """
    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    if isinstance(image, Tensor):
        image = image.detach().cpu().numpy()
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"{name} must be a path or a uint8 array or tensor, got {type(image).__name__}"
        )
    if image.dtype != np.uint8:
        raise TypeError(f"{name} must be uint8 with values 0..255, got {image.dtype}")
    given = image
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or image.size == 0:
        raise ValueError(
            f"{name} must be [H, W, 3] BGR, [H, W] grey or [H, W, 4] BGRA with pixels, "
            f"got shape {given.shape}{_hint(given)}"
        )
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    elif image.shape[2] == 4:
        alpha = image[..., 3:].astype(np.float32) / 255
        image = np.rint(image[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(image)


def _hint(image: NDArray[Any]) -> str:
    if image.ndim == 4:
        return "; pass a stack of photos as list(images)"
    if image.ndim == 3 and image.shape[0] in (1, 3, 4):
        return "; channels come last: image.transpose(1, 2, 0)"
    return ""
