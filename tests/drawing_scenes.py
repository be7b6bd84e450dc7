"""People to draw, and what drawing them changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose.media import Image
from heatpose.results import People
from heatpose.skeletons import COCO18, Skeleton

GREY = np.full((200, 300, 3), 90, np.uint8)


def crowd(boxes: list[tuple[float, float, float, float]], skeleton: Skeleton = COCO18) -> People:
    """A person with random keypoints in each (x1, y1, x2, y2)."""
    rng = np.random.default_rng(2)
    keypoints = np.array(
        [rng.uniform(box[:2], box[2:], (skeleton.num_keypoints, 2)) for box in boxes], np.float32
    ).reshape(-1, skeleton.num_keypoints, 2)
    scores = np.full(keypoints.shape[:2], 0.5, np.float32)
    person_scores = np.linspace(1, 0.5, len(boxes)).astype(np.float32)
    return People(keypoints, scores, person_scores, skeleton, (200, 300))


def missing(people: People, *keep: int) -> People:
    """The people with only these keypoints."""
    hidden = ~np.isin(np.arange(people.skeleton.num_keypoints), keep)
    keypoints = np.where(hidden[:, None], np.float32(np.nan), people.keypoints)
    scores = np.where(hidden, np.float32(0), people.scores)
    return People(keypoints, scores, people.person_scores, people.skeleton, people.canvas)


def changed(picture: Image, before: Image = GREY) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray((picture != before).any(axis=2))


def spread(skeleton: Skeleton, box: tuple[float, float, float, float]) -> People:
    """One person whose keypoints fill (x1, y1, x2, y2) without touching: row by row."""
    count = skeleton.num_keypoints
    side = int(np.ceil(np.sqrt(count)))
    rows, columns = np.divmod(np.arange(count), side)
    steps = np.stack([columns, rows], axis=1) / side
    keypoints = (np.array(box[:2]) + steps * (np.array(box[2:]) - box[:2])).astype(np.float32)
    scores = np.ones((1, count), np.float32)
    return People(keypoints[None], scores, np.ones(1, np.float32), skeleton, (200, 300))
