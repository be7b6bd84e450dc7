"""People found one box at a time: what the body and the whole-body estimator share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.decoders import KeypointDecoder
from heatpose.detectors import Detector, WholeImage
from heatpose.estimators.images import at_least_one
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.runner import Runner
from heatpose.estimators.setup import Settings
from heatpose.estimators.top_down import TopDown
from heatpose.results import Boxes, People
from heatpose.skeletons import Skeleton


class PeopleInBoxes:
    """A detector, the crops of its boxes, a top-down network, its decoder.

    Args:
        runner: The network, which has a ``crop_spec``.
        decoder: Decodes its maps.
        detector: Finds the boxes of photos that come without; None takes the whole photo.
        settings: What the user asked for, over what the checkpoint was published with.
        batch_size: Most crops in one run of the network.
    """

    def __init__(
        self,
        runner: Runner,
        decoder: KeypointDecoder,
        detector: Detector | None,
        settings: Settings,
        batch_size: int,
    ) -> None:
        self.runner = runner
        self.decoder = decoder
        self.detector: Detector = WholeImage() if detector is None else detector
        self.top_down = TopDown(
            runner,
            decoder,
            settings,
            batch_size=at_least_one("batch_size", batch_size),
        )

    def describe(self) -> str:
        """The settings, for the repr of an estimator."""
        way = self.top_down.settings
        return f"padding={way.padding}, flip_test={way.flip_test}, udp={way.udp}"

    def in_order(
        self, images: list[NDArray[np.uint8]], boxes: list[Boxes | None]
    ) -> list[BoxKeypoints]:
        """The keypoints of every box of every photo, in the order of the boxes."""
        tasks = []
        for image, given in zip(images, boxes, strict=True):
            found = detected(self.detector, image) if given is None else given
            unmirrored = np.zeros(len(found), bool)
            tasks.append(BoxTask(self.runner.upload(image), found, unmirrored))
        return self.top_down(tasks)

    def __call__(self, images: list[NDArray[np.uint8]], boxes: list[Boxes | None]) -> list[People]:
        """The people of every photo, best first; a box without any keypoint is nobody."""
        return [
            best_first(found, self.decoder.skeleton, (image.shape[0], image.shape[1]))
            for image, found in zip(images, self.in_order(images, boxes), strict=True)
        ]


def best_first(found: BoxKeypoints, skeleton: Skeleton, canvas: tuple[int, int]) -> People:
    """The people of the boxes, best first; a box without any keypoint is nobody."""
    somebody = np.flatnonzero(~np.isnan(found.keypoints[..., 0]).all(axis=1))
    order = somebody[np.argsort(-found.box_scores[somebody], kind="stable")]
    return People(
        found.keypoints[order], found.scores[order], found.box_scores[order], skeleton, canvas
    )


def detected(detector: Any, image: NDArray[np.uint8]) -> Boxes:
    """The boxes that a detector finds.

    Raises:
        TypeError: the detector gave something else than Boxes.
    """
    boxes = detector(image)
    if not isinstance(boxes, Boxes):
        raise TypeError(f"detector must give Boxes, got {type(boxes).__name__}")
    return boxes
