"""The named tuples of controlnet_aux's OpenPose detector."""

from __future__ import annotations

from typing import NamedTuple


class Keypoint(NamedTuple):
    """A place, in pixels or as a share of the photo's width and height."""

    x: float
    y: float
    score: float = 1.0
    id: int = -1


class BodyResult(NamedTuple):
    """The 18 keypoints of a person, None where missing, its total score and number of parts."""

    keypoints: list[Keypoint | None]
    total_score: float
    total_parts: int


HandResult = list[Keypoint]
FaceResult = list[Keypoint]


class PoseResult(NamedTuple):
    """A person: the body, and both hands and the face where they were looked for and found."""

    body: BodyResult
    left_hand: HandResult | None
    right_hand: HandResult | None
    face: FaceResult | None
