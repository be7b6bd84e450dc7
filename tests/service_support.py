"""A service over networks that are none: people where the photo is blue, and gates to hold them."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.results import Hands, People
from heatpose.skeletons import COCO18, HAND21

Image = npt.NDArray[np.uint8]


def photo_of(blue: int, height: int = 40, width: int = 60) -> Image:
    """A photo of one colour."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[..., 0] = blue
    return photo


def png(photo: npt.NDArray[Any]) -> bytes:
    return cv2.imencode(".png", photo)[1].tobytes()


def jpeg(photo: npt.NDArray[Any]) -> bytes:
    return cv2.imencode(".jpg", photo)[1].tobytes()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class Bodies:
    """One person in each photo, all of whose keypoints lie at (blue, blue); keeps its batches."""

    skeleton = COCO18

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()

    def hold(self) -> None:
        """Let nobody through until ``release``."""
        self.gate.clear()

    def release(self) -> None:
        self.gate.set()

    def __call__(self, images: Sequence[Image]) -> list[People]:
        self.entered.release()
        assert self.gate.wait(60)
        self.batches.append(len(images))
        return [self._one(image) for image in images]

    def _one(self, image: Image) -> People:
        blue = int(image[0, 0, 0])
        if blue == 13:
            raise ValueError("an unlucky photo")
        if blue == 66:
            raise RuntimeError("what a photo holds is nobody's business")
        keypoints = np.full((1, 18, 2), blue, np.float32)
        keypoints[0, 0] = np.nan
        scores = np.full((1, 18), 0.5, np.float32)
        scores[0, 0] = 0
        return People(
            keypoints, scores, np.array([9.0], np.float32), COCO18, (image.shape[0], image.shape[1])
        )


class HandsOf:
    """Two hands in each photo, or one in each box that is given."""

    skeleton = HAND21

    def __init__(self, body: Bodies) -> None:
        self.body = body

    def __call__(self, images: Sequence[Image], boxes: Any = None) -> list[Hands]:
        each = [None] * len(images) if boxes is None else boxes
        return [self._one(image, box) for image, box in zip(images, each, strict=True)]

    def _one(self, image: Image, given: Any) -> Hands:
        canvas = (image.shape[0], image.shape[1])
        (people,) = self.body([image])
        boxes = np.array([[0, 0, 30, 30], [30, 0, 60, 30]], np.float32)
        if given is not None:
            boxes = np.asarray(given.boxes, np.float32)
        keypoints = np.repeat(boxes[:, None, :2] + 5.4, 21, axis=1).astype(np.float32)
        keypoints[:, 3] = np.nan
        scores = np.where(np.isnan(keypoints[..., 0]), 0, 0.7).astype(np.float32)
        count = len(boxes)
        return Hands(
            keypoints,
            scores,
            np.full(count, 0.7, np.float32),
            boxes,
            (None,) * count,
            np.full(count, -1, np.int64),
            HAND21,
            canvas,
            None if given is not None else people,
        )
