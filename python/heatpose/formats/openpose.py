"""OpenPose's JSON files, version 1.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from heatpose.formats.rows import people_of_rows
from heatpose.formats.values import flat, triplets
from heatpose.formats.whose import Sides, hands_of_people, side_of
from heatpose.results import Hands, People, Person
from heatpose.skeletons import FACE70, HAND21, WHOLEBODY133, Skeleton
from heatpose.skeletons.wholebody import FACE, FEET, LEFT_HAND, RIGHT_HAND

_PARTS = ("pose", "face", "hand_left", "hand_right")


def to_openpose(result: People | Hands) -> dict[str, Any]:
    """OpenPose's output document, version 1.3.

    The body goes to ``pose_keypoints_2d`` as x, y, score, with 0, 0, 0 for a missing keypoint;
    ``wholebody133`` people are spread over the pose (COCO's 17 and the feet), face and hands.
    ``face70`` people go to ``face_keypoints_2d``, and ``hand21`` people to
    ``hand_right_keypoints_2d``, since which hand it is is not known.

    ``Hands`` go to ``hand_left_keypoints_2d`` and ``hand_right_keypoints_2d`` of their person, in
    place of a whole body's own; zeros say that there is none, as OpenPose does. A hand of nobody,
    or of a person with a better hand of that side, has an entry of its own with an empty pose; one
    of unknown side counts as right.

    OpenPose writes no score of a person or hand, and no box, so that they are lost.
    """
    if isinstance(result, People):
        return _document([_person_parts(person) for person in result])
    sides, rest = hands_of_people(result)
    people = zip(result.people or (), sides, strict=True)
    entries = [_person_parts(person) | _hand_parts(own, result) for person, own in people]
    entries += [{f"hand_{side_of(hand)}": triplets(hand)} for hand in rest]
    return _document(entries)


def _document(people: list[dict[str, list[list[float]]]]) -> dict[str, Any]:
    entries = []
    for parts in people:
        entry: dict[str, Any] = {"person_id": [-1]}
        entry |= {f"{part}_keypoints_2d": flat(parts.get(part, [])) for part in _PARTS}
        entry |= {f"{part}_keypoints_3d": [] for part in _PARTS}
        entries.append(entry)
    return {"version": 1.3, "people": entries}


def _person_parts(person: Person) -> dict[str, list[list[float]]]:
    points = triplets(person)
    if person.skeleton.keypoints == HAND21.keypoints:
        return {"hand_right": points}
    if person.skeleton.keypoints == FACE70.keypoints:
        return {"face": points}
    if person.skeleton.keypoints == WHOLEBODY133.keypoints:
        return {
            "pose": points[: FEET.stop],
            "face": points[FACE],
            "hand_left": points[LEFT_HAND],
            "hand_right": points[RIGHT_HAND],
        }
    return {"pose": points}


def _hand_parts(own: Sides, hands: Hands) -> dict[str, list[list[float]]]:
    """Both hands of a person, zeros for a missing one."""
    nothing = [[0.0, 0.0, 0.0]] * hands.skeleton.num_keypoints
    sides = ("left", "right")
    return {f"hand_{side}": triplets(own[side]) if side in own else nothing for side in sides}


def from_openpose(
    document: Mapping[str, Any], *, skeleton: Skeleton, canvas: tuple[int, int]
) -> People:
    """People of OpenPose's output document, from its ``pose_keypoints_2d``.

    Args:
        document: The parsed file, its coordinates in pixels (``--keypoint_scale 0``). Entries with
            an empty pose, such as hands of nobody, are left out.
        skeleton: ``COCO18`` or ``BODY25``: the document does not say.
        canvas: (height, width) of the photo: the document does not say.

    Returns:
        People scored by the sum of their keypoint scores, as the document has no other.

    Raises:
        ValueError: the number of values does not fit the skeleton.
    """
    poses = [person["pose_keypoints_2d"] for person in document["people"]]
    rows = [pose for pose in poses if pose]
    for values in rows:
        if len(values) != 3 * skeleton.num_keypoints:
            raise ValueError(
                f"pose_keypoints_2d must hold 3 x {skeleton.num_keypoints} values "
                f"for {skeleton.name}, got {len(values)}"
            )
    points = np.array(rows, np.float32).reshape(len(rows), skeleton.num_keypoints, 3)
    points[points[..., 2] == 0] = np.nan
    return people_of_rows(points, np.nansum(points[..., 2], axis=1), skeleton, canvas)
