"""What the two ways from boxes to keypoints share: their question and their answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from heatpose.results import Boxes, FloatArray


class BoxTask(NamedTuple):
    """One photo and where to look in it.

    Attributes:
        photo: uint8 [H, W, 3] BGR, as :meth:`Runner.upload` gives it.
        boxes: N boxes.
        mirrored: bool [N], which of them the network shall see mirrored.
    """

    photo: Any
    boxes: Boxes
    mirrored: npt.NDArray[np.bool_]


class BoxKeypoints(NamedTuple):
    """The keypoints of the N boxes of one photo, in their order.

    Attributes:
        keypoints: float32 [N, K, 2], (x, y) in pixels of the photo, NaN where missing.
        scores: float32 [N, K], 0 where missing.
        box_scores: float32 [N], mean score of the keypoints found, times the box's score; 0 where
            none was found.
        boxes: float32 [N, 4], (x1, y1, x2, y2), what the network saw of the photo.
    """

    keypoints: FloatArray
    scores: FloatArray
    box_scores: FloatArray
    boxes: FloatArray


class BoxPipeline(Protocol):
    """Boxes in, keypoints out, for the photos of a batch."""

    def __call__(self, tasks: Sequence[BoxTask], /) -> list[BoxKeypoints]:
        """The keypoints of every box of every photo."""
        ...
