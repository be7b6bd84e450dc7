"""Boxes that the caller knows already."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.results import Boxes


def as_boxes(boxes: Any, *, padded: bool = False, name: str = "boxes") -> Boxes:
    """Bring boxes of any accepted kind to one.

    Args:
        boxes: ``Boxes``, which are returned as they are; or an array, tensor or nested list of
            numbers, [N, 4] or for a single box [4]: (x1, y1, x2, y2) in pixels of the photo. An
            empty list is no box.
        padded: Whether these hold the margin that a crop needs; for ``Boxes`` they themselves know.
        name: What error messages call them.

    Raises:
        TypeError: not numbers.
        ValueError: another shape, a box without area, or a number that is not finite.
    """
    if isinstance(boxes, Boxes):
        return boxes
    array = _as_array(boxes, name)
    if array.size == 0 and array.ndim <= 2:
        array = np.empty((0, 4))
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.shape == (4,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name} must be [N, 4] or [4], (x1, y1, x2, y2), got {list(array.shape)}")
    with np.errstate(over="ignore"):  # what float32 does not hold is not finite, and told below
        numbers = array.astype(np.float32)
    try:
        return Boxes(numbers, padded=padded)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


class GivenBoxes:
    """The same boxes for every photo, as a detector: a fixed camera, or one photo only.

    Args:
        boxes: See ``as_boxes``.
        padded: See ``as_boxes``.

    Raises:
        TypeError: not numbers.
        ValueError: not boxes.
    """

    def __init__(self, boxes: Any, *, padded: bool = False) -> None:
        self.boxes = as_boxes(boxes, padded=padded)

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Give the boxes, whatever the photo."""
        return self.boxes


def _as_array(boxes: Any, name: str) -> npt.NDArray[Any]:
    if hasattr(boxes, "detach"):  # a tensor of any device, without importing PyTorch
        boxes = boxes.detach().cpu()
    try:
        return np.asarray(boxes)
    except (TypeError, ValueError) as error:  # rows of different lengths, or objects
        raise ValueError(f"{name} must be [N, 4] or [4], (x1, y1, x2, y2): {error}") from None
