"""OpenPose's way for hands and faces: crops of their own size, a scale search, components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.decoders import HandMapDecoder
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.scale_search import ScaleSearch


class _Crop(NamedTuple):
    """A piece of a photo, cut at whole pixels and within it; maybe mirrored."""

    pixels: Any
    left: int
    top: int
    mirrored: bool


class MapCrops:
    """Runs a network of maps on the crops of many photos; each is a picture of its own size.

    Args:
        search: The network, which has an ``input_spec``, and its scales.
        decoder: Decodes the maps of a crop.
        padding: Factor on boxes that hold no margin yet.
        batch_size: Most crops in one run of the network.
    """

    def __init__(
        self, search: ScaleSearch, decoder: HandMapDecoder, *, padding: float, batch_size: int
    ) -> None:
        self.search = search
        self.decoder = decoder
        self.padding = padding
        self.batch_size = batch_size

    def __call__(self, tasks: Sequence[BoxTask]) -> list[BoxKeypoints]:
        """The keypoints of every box of every photo; crops of all photos share the runs."""
        answers = [self._blank(task) for task in tasks]
        cut: list[tuple[int, int, _Crop]] = []
        for i, task in enumerate(tasks):
            for row, box in enumerate(answers[i].boxes):
                crop = _cut(task.photo, box, bool(task.mirrored[row]))
                if crop is not None:
                    cut.append((i, row, crop))
        for first in range(0, len(cut), self.batch_size):
            self._fill(answers, cut[first : first + self.batch_size])
        for task, answer in zip(tasks, answers, strict=True):
            found = np.maximum((answer.scores > 0).sum(axis=1), 1)
            answer.box_scores[:] = answer.scores.sum(axis=1) / found * task.boxes.scores
        return answers

    def _blank(self, task: BoxTask) -> BoxKeypoints:
        """Nothing found, in square boxes."""
        count, keypoints = len(task.boxes), self.decoder.skeleton.num_keypoints
        boxes = task.boxes.boxes
        if not task.boxes.padded:
            center = (boxes[:, :2] + boxes[:, 2:]) / 2
            half = self.padding * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
            boxes = np.concatenate([center - half, center + half], axis=1)
        return BoxKeypoints(
            np.full((count, keypoints, 2), np.nan, np.float32),
            np.zeros((count, keypoints), np.float32),
            np.zeros(count, np.float32),
            np.array(boxes, np.float32),
        )

    def _fill(self, answers: list[BoxKeypoints], cut: Sequence[tuple[int, int, _Crop]]) -> None:
        spec = self.search.spec
        queued = []
        for (_, _, crop), found in zip(cut, self.search([c.pixels for *_, c in cut]), strict=True):
            canvas = (crop.pixels.shape[0], crop.pixels.shape[1])
            (heatmaps,) = found.maps
            queued.append(
                self.decoder.queue(heatmaps, canvas, content=found.content, stride=spec.stride)
            )
        for (i, row, crop), one in zip(cut, queued, strict=True):
            parts = one.result()
            if len(parts):
                points = parts.keypoints[0].copy()
                if crop.mirrored:
                    points[:, 0] = crop.pixels.shape[1] - 1 - points[:, 0]
                answers[i].keypoints[row] = points + np.array([crop.left, crop.top], np.float32)
                answers[i].scores[row] = parts.scores[0]


def _cut(photo: Any, box: npt.NDArray[np.float32], mirrored: bool) -> _Crop | None:
    """The pixels of a box that lie in the photo; None where there are none."""
    height, width = photo.shape[:2]
    left, top, right, bottom = (int(edge) for edge in np.rint(box))
    left, top = max(left, 0), max(top, 0)
    pixels = photo[top : max(min(bottom, height), top), left : max(min(right, width), left)]
    if 0 in pixels.shape:
        return None
    if mirrored:
        pixels = pixels[:, ::-1] if isinstance(pixels, np.ndarray) else pixels.flip(1)
    # Copied here, so that the search does not do it again at each scale.
    contiguous = (
        np.ascontiguousarray(pixels) if isinstance(pixels, np.ndarray) else pixels.contiguous()
    )
    return _Crop(contiguous, left, top, mirrored)
