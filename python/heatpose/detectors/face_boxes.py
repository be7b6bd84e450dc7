"""Boxes of faces, made from the poses of a bottom-up estimator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.detectors.body_boxes import NOBODY, Body, check_people, checked_body
from heatpose.results import Boxes, People

_Point = npt.NDArray[np.float64]
_Square = tuple[_Point, float]
_SIDES = (("left", "right"), ("right", "left"))


def face_boxes(people: People, *, min_score: float = 0.25, min_side: float = 20.0) -> Boxes:
    """Square boxes of faces from necks, noses, eyes and ears: the rule of OpenPose.

    Centre and side are the means over those of these cases whose keypoints were all found::

        neck and nose, seen in profile   centre  (nose + eye + ear) / 3
                                         side    0.85 (|nose - eye| + |nose - ear| + |neck - nose|)
        neck and nose, any other         centre  (neck + nose) / 2
                                         side    2 |neck - nose|
        both eyes                        centre  (eye + eye) / 2
                                         side    3 |eye - eye|
        both ears                        centre  (ear + ear) / 2
                                         side    2 |ear - ear|

    Seen in profile is a face of which eye and ear of one side were found, and none of the other's.
    Where the skeleton has no neck, it is the middle of the shoulders.

    Args:
        people: Poses of one photo, of any skeleton with ``nose``, ``left_eye`` and so on.
        min_score: Keypoints count as missing unless they score more.
        min_side: Pixels; smaller faces get no box.

    Returns:
        The boxes in the order of the people, in pixels of the photo, ``padded``, of score 1. They
        may leave the photo. ``persons`` (rows of ``people``) says whose face it is. No box of a
        side of 0.

    Raises:
        TypeError: people is not ``People``.
        ValueError: a skeleton whose keypoints make none of the cases, or a number that is not
            finite.

    Source: the face detector of OpenPose (Cao et al., "OpenPose: Realtime Multi-Person 2D Pose
    Estimation using Part Affinity Fields", 2019).
    """
    check_people(people)
    for name, value in (("min_score", min_score), ("min_side", min_side)):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    names = people.skeleton.keypoints
    _check_names(people.skeleton.name, names)
    squares = []
    for points, scores in zip(people.keypoints.astype(np.float64), people.scores, strict=True):
        found = ~np.isnan(points[:, 0]) & (scores > min_score)
        at = {names[k]: points[k] for k in np.flatnonzero(found)}
        if "neck" not in names and {"left_shoulder", "right_shoulder"} <= at.keys():
            at["neck"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
        squares.append(_mean(_cases(at)))
    centers = np.array([center for center, _ in squares]).reshape(-1, 2)
    sides = np.array([side for _, side in squares])[:, None]
    boxes = np.concatenate([centers - sides / 2, centers + sides / 2], axis=1).astype(np.float32)
    # A side may vanish in float32 far from the origin; without a case all of it is NaN.
    persons = np.flatnonzero((sides[:, 0] >= min_side) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    return Boxes(boxes[persons], persons=persons, people=people, padded=True)


class FaceBoxes:
    """Find faces by the heads of poses: a bottom-up estimator as a detector of faces.

    Args:
        body: Makes people of a uint8 [H, W, 3] BGR photo; a ``BodyEstimator``, for instance.
        min_score: See ``face_boxes``, like the other.
        min_side: Pixels; smaller faces get no box.

    Raises:
        TypeError: body cannot be called.
        ValueError: a number that is not finite.
    """

    def __init__(self, body: Body, *, min_score: float = 0.25, min_side: float = 20.0) -> None:
        self.body = checked_body(body)
        self.options: dict[str, Any] = {"min_score": min_score, "min_side": min_side}
        face_boxes(NOBODY, **self.options)  # a wrong setting is told now, not at the first photo

    def __call__(self, image: npt.NDArray[np.uint8], /) -> Boxes:
        """Find the boxes of one photo: ``face_boxes(body(image))``."""
        return face_boxes(self.body(image), **self.options)


def _cases(at: Mapping[str, _Point]) -> list[_Square]:
    """Centre and side by each case whose keypoints were all found."""
    cases = []
    if {"neck", "nose"} <= at.keys():
        cases.append(_profile(at) or _between(at["neck"], at["nose"], 2))
    for name, factor in (("eye", 3), ("ear", 2)):
        if {f"left_{name}", f"right_{name}"} <= at.keys():
            cases.append(_between(at[f"left_{name}"], at[f"right_{name}"], factor))
    return cases


def _between(a: _Point, b: _Point, factor: float) -> _Square:
    return (a + b) / 2, factor * math.dist(a, b)


def _profile(at: Mapping[str, _Point]) -> _Square | None:
    """Centre and side of a face with neck and nose, if it is seen from one side."""
    neck, nose = at["neck"], at["nose"]
    for near, far in _SIDES:
        seen = {f"{near}_eye", f"{near}_ear"} <= at.keys()
        if seen and not {f"{far}_eye", f"{far}_ear"} & at.keys():
            eye, ear = at[f"{near}_eye"], at[f"{near}_ear"]
            lengths = math.dist(nose, eye) + math.dist(nose, ear) + math.dist(neck, nose)
            return (nose + eye + ear) / 3, 0.85 * lengths
    return None


def _mean(cases: list[_Square]) -> _Square:
    """The mean of centres and of sides, NaN of nothing."""
    if not cases:
        return np.full(2, np.nan), math.nan
    centers, sides = zip(*cases, strict=True)
    return np.mean(centers, axis=0), float(np.mean(sides))


def _check_names(skeleton: str, names: tuple[str, ...]) -> None:
    neck = "neck" in names or {"left_shoulder", "right_shoulder"} <= set(names)
    pairs = ({"left_eye", "right_eye"}, {"left_ear", "right_ear"})
    if not (neck and "nose" in names) and not any(pair <= set(names) for pair in pairs):
        raise ValueError(
            "boxes of faces need neck or shoulders and the nose, or both eyes, or both ears: "
            f"skeleton {skeleton} has none of these"
        )
