"""What the ops that read photos share: the photo at their door, and the settings of its answer."""

from __future__ import annotations

from typing import Any

from heatpose.ops._arrays import Array, borrow, choice
from heatpose.ops._spaces import Space

DTYPES = ("float32", "float16")


def as_photo(name: str, value: Array) -> tuple[Any, Space]:
    """Borrow a photo as C-contiguous uint8 [H, W, 3]; a copy only when it is grey or strided.

    Raises:
        TypeError: value is no array, or not uint8.
        ValueError: value is neither [H, W, 3] nor grey [H, W], or has no pixels.
    """
    array, space = borrow(name, value, dtypes=("uint8",))
    if array.ndim == 2:
        array = space.stack([array] * 3)
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(
            f"{name} must have shape [H, W, 3], or [H, W] for grey, got {tuple(value.shape)}"
        )
    if 0 in array.shape or max(array.shape) > 1 << 20:
        raise ValueError(
            f"{name} must have 1 to {1 << 20} rows and columns, got shape {tuple(value.shape)}"
        )
    return space.contiguous(array), space


def pixel_type(name: str, value: Any) -> str:
    """Check the element type of a network input: "float32" or "float16", or the NumPy type."""
    word = value if isinstance(value, str) else getattr(value, "__name__", str(value))
    return DTYPES[choice(name, word.removeprefix("torch."), DTYPES)]
