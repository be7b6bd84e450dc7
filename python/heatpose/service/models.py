"""The networks that are served, and one run of them over the photos of many clients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from heatpose.estimators import BodyEstimator, HandEstimator
from heatpose.media import Image
from heatpose.results import Hands, People
from heatpose.service.problems import Problem
from heatpose.skeletons import Skeleton

Result: TypeAlias = People | Hands
Scales: TypeAlias = "tuple[float, ...] | None"


class Question(NamedTuple):
    """A photo, and where to look in it.

    Attributes:
        photo: uint8 [H, W, 3] BGR.
        boxes: [N, 4] numbers (x1, y1, x2, y2), or None.
    """

    photo: Image
    boxes: Any = None


class ServedModel:
    """An estimator under a name.

    Args:
        name: What clients call it.
        task: body, hand, wholebody or face.
        estimator: Maps a list of photos, and with ``boxes`` a list of boxes, to a list of results.
    """

    def __init__(self, name: str, task: str, estimator: Any) -> None:
        self.name = name
        self.task = task
        self.estimator = estimator
        # Another scale search over the same network costs nothing but the object.
        self._at_scales = lru_cache(maxsize=32)(self._with_scales)

    @property
    def skeleton(self) -> Skeleton | None:
        """The skeleton of what it finds, None where the estimator does not say."""
        found = getattr(self.estimator, "skeleton", None)
        return found if isinstance(found, Skeleton) else None

    @property
    def takes_scales(self) -> bool:
        """Whether the network sees whole photos, at any scale."""
        return isinstance(self.estimator, BodyEstimator) and hasattr(self.estimator, "scales")

    @property
    def takes_boxes(self) -> bool:
        """Whether it can be told where to look."""
        return not self.takes_scales

    @property
    def takes_hand_scales(self) -> bool:
        """Whether it is a hand network of maps, whose crops are searched at several scales."""
        spec = getattr(getattr(self.estimator, "network", None), "input_spec", None)
        return isinstance(self.estimator, HandEstimator) and spec is not None

    def check(self, photo: Image, boxes: Any, scales: Scales, *, max_input_pixels: int) -> None:
        """Make sure that the network can look at a photo so, and within the limit.

        Raises:
            Problem: 422 where it cannot.
        """
        if scales is not None and not (self.takes_scales or self.takes_hand_scales):
            raise Problem(422, f"scales: the model {self.name} sees its boxes at one scale")
        if boxes is not None and not self.takes_boxes:
            raise Problem(422, f"boxes: the model {self.name} looks at the whole photo")
        pixels = self.input_pixels(photo, scales)
        if pixels > max_input_pixels:
            height, width = photo.shape[:2]
            raise Problem(
                422,
                f"a photo of {width}x{height} pixels would be resized to {pixels:.3g} pixels for "
                f"the network, more than the {max_input_pixels} that are allowed",
            )

    def input_pixels(self, photo: Image, scales: Scales) -> float:
        """The pixels that a network sees of a photo or of one crop, over all scales."""
        if self.takes_hand_scales and scales is not None:
            crop = self.estimator.network.input_spec.box
            crops = float(sum((scale * crop) ** 2 for scale in scales))
            return max(self._photo_pixels(photo, None), crops)
        return self._photo_pixels(photo, scales)

    def _photo_pixels(self, photo: Image, scales: Scales) -> float:
        """The same of a whole photo; 0 where only boxes are seen."""
        box = getattr(self._body, "box", None)
        if box is None:
            return 0.0
        height, width = photo.shape[:2]
        if not self.takes_scales or scales is None:
            scales = getattr(self._body, "scales", (1.0,))
        return float(sum((scale * box) ** 2 for scale in scales) * width / height)

    @property
    def _body(self) -> Any:
        """What looks at the whole photo: the estimator, or the body that it finds hands of."""
        return getattr(self.estimator, "body", None) or self.estimator

    def run(self, questions: Sequence[Question], scales: Scales) -> list[Result]:
        """The answers to some questions, which share the runs of the network."""
        estimator = self.estimator if scales is None else self._at_scales(scales)
        photos = [question.photo for question in questions]
        boxes = [question.boxes for question in questions]
        if all(one is None for one in boxes):
            return list(estimator(photos))
        return list(estimator(photos, boxes=boxes))

    def _with_scales(self, scales: tuple[float, ...]) -> Any:
        own = self.estimator
        shared: dict[str, Any] = {
            "device": own.device,
            "dtype": own.dtype,
            "batch_size": own.batch_size,
            "decoder": own.decoder,
            "scales": scales,
        }
        if isinstance(own, BodyEstimator):
            return BodyEstimator(own.network, box=own.box, **shared)
        where = {"detector": own.detector} if own.body is None else {"body": own.body}
        return HandEstimator(own.network, mirror_left=own.mirror_left, **where, **shared)
