"""One photo or many, with boxes or without: what every estimator's call does first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from heatpose.detectors import as_boxes
from heatpose.estimators.photo import Photo, as_photo
from heatpose.results import Boxes

Answer = TypeVar("Answer")
Estimate = Callable[[list[NDArray[np.uint8]], "list[Boxes | None]"], list[Answer]]


def estimate_each(
    images: Photo | Iterable[Photo], boxes: Any, batch_size: int, estimate: Estimate[Answer]
) -> Any:
    """The answer for one photo, or a list of answers for many, ``batch_size`` at a time.

    Args:
        images: As the estimators document it.
        boxes: What ``as_boxes`` takes, for one photo; a sequence of such for many, with None where
            a photo has none; or None.
        batch_size: Most photos that are read before they are answered.
        estimate: Gives the answers for some photos, with their boxes or None.

    Raises:
        TypeError: not a photo, or boxes of another type.
        ValueError: see ``as_photo`` and ``as_boxes``; or not one set of boxes for each photo.
    """
    if isinstance(images, (str, os.PathLike, np.ndarray, Tensor)):
        given = None if boxes is None else as_boxes(boxes)
        return estimate([as_photo(images, "image")], [given])[0]
    if not isinstance(images, Iterable):
        raise TypeError(
            "image must be a path, a uint8 array or tensor, or an iterable of these, "
            f"got {type(images).__name__}"
        )
    if boxes is not None and (isinstance(boxes, Boxes) or not isinstance(boxes, Sequence)):
        raise TypeError(
            f"boxes must be a list, one entry for each photo, got {type(boxes).__name__}"
        )
    named = enumerate(images)
    answers: list[Answer] = []
    while chunk := list(islice(named, batch_size)):
        photos = [as_photo(image, f"images[{i}]") for i, image in chunk]
        answers += estimate(photos, [_boxes_of(boxes, i) for i, _ in chunk])
    if boxes is not None and len(boxes) != len(answers):
        raise ValueError(
            f"boxes must have one entry for each photo, got {len(boxes)} for {len(answers)}"
        )
    return answers


def _boxes_of(boxes: Sequence[Any] | None, index: int) -> Boxes | None:
    if boxes is None:
        return None
    if index >= len(boxes):
        raise ValueError(f"boxes must have one entry for each photo, got only {len(boxes)}")
    given = boxes[index]
    return None if given is None else as_boxes(given, name=f"boxes[{index}]")


def at_least_one(name: str, value: int) -> int:
    """A whole number of at least 1.

    Raises:
        TypeError: not a whole number.
        ValueError: less than 1.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return int(value)
