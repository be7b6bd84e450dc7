"""Boxes of people and of their hands, made from the poses of a bottom-up estimator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.results import Boxes, People, Side
from heatpose.skeletons import COCO18

Body = Callable[[npt.NDArray[np.uint8]], People]
"""Anything that makes people of a uint8 [H, W, 3] BGR photo, such as a ``BodyEstimator``."""

_Point = tuple[float, float]

# Where the hand is, from the joints of its arm: the constants of OpenPose.
_BEYOND_WRIST = 0.33
_SIDE_PER_LENGTH = 1.5
_LOWER_PER_UPPER_ARM = 0.9
_SIDES: tuple[Side, ...] = ("left", "right")
_JOINTS = ("shoulder", "elbow", "wrist")


def person_boxes(people: People, *, margin: float = 0.1, min_keypoints: int = 3) -> Boxes:
    """Boxes such as an annotator draws around people, from their keypoints.

    Keypoints end at eyes, wrists and ankles, people do not: the box around them is widened on every
    side by ``margin`` times its longer side, and clipped to the photo.

    Args:
        people: Poses of one photo.
        margin: 0.1 was measured on the eight annotated people of three COCO photos (000000000785,
            000000040083, 000000197388): mean overlap (IoU) with the annotator's box 0.64 at 0,
            0.75 at 0.05, 0.83 at 0.1, 0.79 at 0.15, 0.71 at 0.2. A share of each axis' own extent
            does no better (0.83 at 1/8), and makes no box of keypoints on a line.
        min_keypoints: People with fewer keypoints get no box.

    Returns:
        The boxes in the order of the people, in pixels of the photo, which spans (0, 0, W, H).
        ``scores`` are the mean scores of the keypoints found, ``persons`` the rows of ``people``.
        No box of an area of 0.

    Raises:
        TypeError: people is not ``People``.
        ValueError: a negative margin, or min_keypoints below 1.
    """
    check_people(people)
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"margin must be a number from 0, got {margin}")
    if min_keypoints < 1:
        raise ValueError(f"min_keypoints must be at least 1, got {min_keypoints}")
    found = people.visible.sum(axis=1)
    persons = np.flatnonzero(found >= min_keypoints)
    tight = people.boxes[persons].astype(np.float64)
    longer = (tight[:, 2:] - tight[:, :2]).max(axis=1, initial=0)[:, None]
    height, width = people.canvas
    low = np.clip(tight[:, :2] - margin * longer, 0, (width, height))
    high = np.clip(tight[:, 2:] + margin * longer, 0, (width, height))
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    sized = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    persons = persons[sized]
    scores = people.scores[persons].sum(axis=1) / found[persons]
    return Boxes(boxes[sized], scores.astype(np.float32), persons=persons, people=people)


def hand_boxes(
    people: People,
    *,
    min_score: float = 0.0,
    clamp: bool = True,
    min_side: float = 20.0,
    truncate: bool = False,
    beyond_wrist: float = _BEYOND_WRIST,
) -> Boxes:
    """Square boxes of hands from shoulders, elbows and wrists: the rule of OpenPose.

    For each arm of which all three joints were found::

        centre = wrist + beyond_wrist (wrist - elbow)
        side   = 1.5 max(|wrist - elbow|, 0.9 |elbow - shoulder|)

    ``clamp`` is what the Python ports of OpenPose add: a corner left of or above the photo is moved
    to its edge with the side unchanged, then the side shrinks to end within the photo.
    OpenPose itself does ``hand_boxes(people, min_score=0.03, clamp=False, min_side=0)``.

    Args:
        people: Poses of one photo, of any skeleton with ``left_wrist`` and so on.
        min_score: Joints of a lower score count as missing.
        clamp: Keep the boxes within the photo.
        min_side: Pixels; smaller hands get no box.
        truncate: Cut corner and side to whole pixels at the end, as the ports do.
        beyond_wrist: Where the centre of the hand lies beyond the wrist, in forearms.

    Returns:
        The boxes (x1, y1, x1 + side, y1 + side) in pixels of the photo, ``padded``, of score 1. In
        the order of the people, left before right. ``sides`` and ``persons`` (rows of ``people``)
        say whose hand it is. No box of a side of 0.

    Raises:
        TypeError: people is not ``People``.
        ValueError: a skeleton without the joints of both arms, or a number that is not finite.

    Sources: Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping",
    2017, and the hand detector of OpenPose; the clamp is that of its PyTorch and Paddle ports.
    """
    check_people(people)
    numbers = {"min_score": min_score, "min_side": min_side, "beyond_wrist": beyond_wrist}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    arms = [(side, _arm(people, side)) for side in _SIDES]
    found: list[tuple[list[float], Side, int]] = []
    for person, (points, scores) in enumerate(
        zip(people.keypoints.astype(np.float64), people.scores, strict=True)
    ):
        for side, joints in arms:
            if np.isnan(points[joints]).any() or (scores[joints] < min_score).any():
                continue
            shoulder, elbow, wrist = ((float(x), float(y)) for x, y in points[joints])
            x, y, length = _hand_square(shoulder, elbow, wrist, beyond_wrist)
            if clamp:
                x, y, length = _clamped(x, y, length, people.canvas)
            if length < min_side:
                continue
            if truncate:
                x, y, length = (float(math.trunc(value)) for value in (x, y, length))
            if length > 0:
                found.append(([x, y, x + length, y + length], side, person))
    boxes = np.array([box for box, _, _ in found], np.float32).reshape(-1, 4)
    # Far from the origin a side may vanish in float32.
    kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    return Boxes(
        boxes[kept],
        sides=tuple(found[i][1] for i in kept),
        persons=np.array([found[i][2] for i in kept], np.int64),
        people=people,
        padded=True,
    )


class PersonBoxes:
    """Find people by their poses: a bottom-up estimator as a detector of people.

    Args:
        body: Makes people of a uint8 [H, W, 3] BGR photo; a ``BodyEstimator``, for instance.
        margin: See ``person_boxes``.
        min_keypoints: See ``person_boxes``.

    Raises:
        TypeError: body cannot be called.
        ValueError: a setting out of its range.
    """

    def __init__(self, body: Body, *, margin: float = 0.1, min_keypoints: int = 3) -> None:
        self.body = checked_body(body)
        self.options: dict[str, Any] = {"margin": margin, "min_keypoints": min_keypoints}
        person_boxes(NOBODY, **self.options)  # a wrong setting is told now, not at the first photo

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Find the boxes of one photo: ``person_boxes(body(image))``."""
        return person_boxes(self.body(image), **self.options)


class HandBoxes:
    """Find hands by the arms of poses: a bottom-up estimator as a detector of hands.

    Args:
        body: Makes people of a uint8 [H, W, 3] BGR photo; a ``BodyEstimator``, for instance.
        min_score: See ``hand_boxes``, like the others.
        clamp: Keep the boxes within the photo.
        min_side: Pixels; smaller hands get no box.
        truncate: Cut corner and side to whole pixels.

    Raises:
        TypeError: body cannot be called.
        ValueError: a number that is not finite.
    """

    def __init__(
        self,
        body: Body,
        *,
        min_score: float = 0.0,
        clamp: bool = True,
        min_side: float = 20.0,
        truncate: bool = False,
    ) -> None:
        self.body = checked_body(body)
        self.options: dict[str, Any] = {
            "min_score": min_score,
            "clamp": clamp,
            "min_side": min_side,
            "truncate": truncate,
        }
        hand_boxes(NOBODY, **self.options)

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Find the boxes of one photo: ``hand_boxes(body(image))``."""
        return hand_boxes(self.body(image), **self.options)


# The ports' arithmetic to the last bit, float64 included, because ``truncate`` would make a pixel
# of it: no math.dist, and no shorter clamp.


def _hand_square(
    shoulder: _Point, elbow: _Point, wrist: _Point, beyond: float
) -> tuple[float, float, float]:
    """Top left corner and side of a hand's box."""
    lower, upper = _distance(wrist, elbow), _distance(elbow, shoulder)
    length = _SIDE_PER_LENGTH * max(lower, _LOWER_PER_UPPER_ARM * upper)
    x, y = (w + beyond * (w - e) - length / 2 for w, e in zip(wrist, elbow, strict=True))
    return x, y, length


def _distance(a: _Point, b: _Point) -> float:
    return math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)


def _clamped(
    x: float, y: float, length: float, canvas: tuple[int, int]
) -> tuple[float, float, float]:
    height, width = canvas
    x, y = max(x, 0.0), max(y, 0.0)
    across = width - x if x + length > width else length
    down = height - y if y + length > height else length
    return x, y, min(across, down)


def _arm(people: People, side: Side) -> list[int]:
    """The keypoints (shoulder, elbow, wrist) of a side."""
    skeleton = people.skeleton
    missing = [f"{side}_{j}" for j in _JOINTS if f"{side}_{j}" not in skeleton.keypoints]
    if missing:
        raise ValueError(
            f"boxes of hands need shoulder, elbow and wrist of both sides: skeleton "
            f"{skeleton.name} has no {' and no '.join(missing)}"
        )
    return [skeleton.index(f"{side}_{joint}") for joint in _JOINTS]


def check_people(people: People) -> None:
    """Make sure that people are ``People``; TypeError."""
    if not isinstance(people, People):
        raise TypeError(f"people must be People, got {type(people).__name__}")


def checked_body(body: Body) -> Body:
    """The body, if it can be called; TypeError."""
    if not callable(body):
        raise TypeError(f"body must make people of a photo, got {type(body).__name__}")
    return body


NOBODY = People.empty(COCO18, (1, 1))
