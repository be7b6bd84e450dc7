"""What the ops that read photos share: the photo at their door, and the settings of its answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.ops._arrays import Array, Wrap, borrow, choice

DTYPES = ("float32", "float16")


def as_photo(name: str, value: Array) -> tuple[npt.NDArray[np.uint8], Wrap]:
    """Borrow a photo as C-contiguous uint8 [H, W, 3]; a copy only when it is grey or strided.

    Raises:
        TypeError: value is no array, or not uint8.
        ValueError: value is neither [H, W, 3] nor grey [H, W], or has no pixels.
    """
    array, wrap = borrow(name, value, dtypes=("uint8",))
    if array.ndim == 2:
        array = np.broadcast_to(array[..., None], (*array.shape, 3))
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(
            f"{name} must have shape [H, W, 3], or [H, W] for grey, got {tuple(value.shape)}"
        )
    if array.size == 0 or max(array.shape) > 1 << 20:
        raise ValueError(
            f"{name} must have 1 to {1 << 20} rows and columns, got shape {tuple(value.shape)}"
        )
    return np.ascontiguousarray(array), wrap


def pixel_type(name: str, value: Any) -> str:
    """Check the element type of a network input: "float32" or "float16", or the NumPy type."""
    word = value if isinstance(value, str) else getattr(value, "__name__", str(value))
    return DTYPES[choice(name, word.removeprefix("torch."), DTYPES)]
