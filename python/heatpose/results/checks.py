"""What every record of arrays checks about them, and how it keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def check_array(name: str, array: object, shape: tuple[int | None, ...], rows: str = "P") -> None:
    """Make sure of a float32 array; None in ``shape`` fits any size, called ``rows`` in errors."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(array).__name__}")
    if array.dtype != np.float32:
        raise TypeError(f"{name} must be float32, got {array.dtype}")
    fits = array.ndim == len(shape) and all(
        needed in (None, got) for needed, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(rows if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must be [{wanted}], got {list(array.shape)}")


def check_points(keypoints: FloatArray, scores: FloatArray) -> None:
    """Make sure that points are there or missing as a whole, and that missing ones score 0."""
    missing = np.isnan(keypoints)
    if (missing[..., 0] != missing[..., 1]).any():
        raise ValueError("keypoints must be NaN in x and y, or in neither")
    if np.isinf(keypoints).any():
        raise ValueError("keypoints must be finite, or NaN where missing")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite, 0 where the keypoint is missing")
    if scores[missing[..., 0]].any():
        raise ValueError("scores must be 0 where the keypoint is missing")


def checked_canvas(canvas: Any) -> tuple[int, int]:
    """(height, width), whole and at least 1."""
    sides = [int(side) for side in canvas]
    if len(sides) != 2 or min(sides) < 1 or sides != list(canvas):
        raise ValueError(f"canvas must be (height, width) of at least 1, got {canvas}")
    return sides[0], sides[1]


def tight_boxes(keypoints: FloatArray) -> FloatArray:
    """[N, 4] (x1, y1, x2, y2) around the points of [N, K, 2] that are there; NaN around none."""
    there = ~np.isnan(keypoints[..., :1])
    low = np.where(there, keypoints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, keypoints, -np.inf).max(axis=1, initial=-np.inf)
    boxes = np.concatenate([low, high], axis=1)
    boxes[~there.any(axis=(1, 2))] = np.nan
    return boxes.astype(np.float32)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only copy."""
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy
