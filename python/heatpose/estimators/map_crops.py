"""OpenPose's way for hands and faces: crops of their own size, a scale search, components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.decoders import HandMapDecoder
from heatpose.estimators.pipeline import BoxKeypoints, BoxTask
from heatpose.estimators.scale_search import ScaleSearch


class _Place(NamedTuple):
    """A box in whole pixels: what of it lies in its photo, and its own height."""

    task: int
    row: int
    rows: slice
    columns: slice
    height: int


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
        places = [
            place
            for i, task in enumerate(tasks)
            for row, box in enumerate(answers[i].boxes)
            if (place := _place(i, row, box, task.photo.shape)) is not None
        ]
        for first in range(0, len(places), self.batch_size):
            self._fill(tasks, answers, places[first : first + self.batch_size])
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

    def _fill(
        self, tasks: Sequence[BoxTask], answers: list[BoxKeypoints], places: Sequence[_Place]
    ) -> None:
        """Look for the parts of one run of the network."""
        crops = [_cut(tasks[place.task], place) for place in places]
        queued = []
        for crop, found in zip(
            crops, self.search(crops, [place.height for place in places]), strict=True
        ):
            canvas = (crop.shape[0], crop.shape[1])
            (heatmaps,) = found.maps
            stride = self.search.spec.stride
            queued.append(
                self.decoder.queue(heatmaps, canvas, content=found.content, stride=stride)
            )
        for place, crop, one in zip(places, crops, queued, strict=True):
            parts = one.result()
            if len(parts):
                points = parts.keypoints[0].copy()
                if tasks[place.task].mirrored[place.row]:
                    points[:, 0] = crop.shape[1] - 1 - points[:, 0]
                corner = np.array([place.columns.start, place.rows.start], np.float32)
                answers[place.task].keypoints[place.row] = points + corner
                answers[place.task].scores[place.row] = parts.scores[0]


def _place(
    task: int, row: int, box: npt.NDArray[np.float32], shape: Sequence[int]
) -> _Place | None:
    """Where the pixels of a box lie in the photo; None where there are none."""
    left, top, right, bottom = (int(edge) for edge in np.rint(box))
    rows = slice(max(top, 0), min(bottom, shape[0]))
    columns = slice(max(left, 0), min(right, shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    return _Place(task, row, rows, columns, bottom - top)


def _cut(task: BoxTask, place: _Place) -> Any:
    """The pixels of a box, mirrored if the network is to see them so.

    They are copied here, so that the search does not do it again at each scale.
    """
    pixels = task.photo[place.rows, place.columns]
    mirrored = bool(task.mirrored[place.row])
    if isinstance(pixels, np.ndarray):
        return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)
    return (pixels.flip(1) if mirrored else pixels).contiguous()
