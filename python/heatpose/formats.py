"""People as JSON: OpenPose's files, COCO results and heatpose's own document.

All three keep the pixels of ``People``: (x, y) of the photo with pixel centres on integers, which
is also how COCO's annotations are read. Nothing is shifted or scaled. Coordinates are rounded to
0.001 pixel and scores to 1e-6. No file holds NaN or Infinity, which JSON does not know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from heatpose.files import write_atomically
from heatpose.results import Hands, People, Person
from heatpose.skeletons import BY_NAME, COCO17, WHOLEBODY133, Skeleton
from heatpose.skeletons.wholebody import BODY, FACE, FEET, LEFT_HAND, RIGHT_HAND

Format = Literal["heatpose", "openpose", "coco"]
FORMATS: tuple[Format, ...] = get_args(Format)

VERSION = 1
_WHOLEBODY_PARTS = {
    "keypoints": BODY,
    "foot_kpts": FEET,
    "face_kpts": FACE,
    "lefthand_kpts": LEFT_HAND,
    "righthand_kpts": RIGHT_HAND,
}


def encode(people: People | Hands, format: Format = "heatpose", *, image_id: int | str = 0) -> Any:
    """People as the JSON document of a format.

    Args:
        people: The people of one photo.
        format: ``"heatpose"`` and ``"openpose"`` give a dict, ``"coco"`` a list of dicts.
        image_id: The photo's id in COCO results; not used by the other formats.

    Raises:
        ValueError: unknown format.
    """
    if isinstance(people, Hands):
        people = people.as_people()
    if format == "heatpose":
        return to_heatpose(people)
    if format == "openpose":
        return to_openpose(people)
    if format == "coco":
        return to_coco(people, image_id=image_id)
    raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")


def to_heatpose(people: People) -> dict[str, Any]:
    """Give heatpose's own document.

    It holds the format's version, the skeleton's name and keypoint names, the canvas and people;
    a person is ``{"score": s, "box": [x1, y1, x2, y2], "keypoints": [[x, y, score], null, ...]}``,
    with null for a missing keypoint, and for the box of a person without any.
    """
    height, width = people.canvas
    return {
        "format": "heatpose",
        "version": VERSION,
        "skeleton": people.skeleton.name,
        "keypoint_names": list(people.skeleton.keypoints),
        "canvas": {"height": height, "width": width},
        "people": [
            {
                "score": _score(person.score),
                "box": [_pixel(v) for v in person.box] if person.visible.any() else None,
                "keypoints": [
                    [_pixel(x), _pixel(y), _score(score)] if found else None
                    for (x, y), score, found in zip(
                        person.keypoints.tolist(),
                        person.scores.tolist(),
                        person.visible.tolist(),
                        strict=True,
                    )
                ],
            }
            for person in people
        ],
    }


def from_heatpose(document: Mapping[str, Any], *, skeleton: Skeleton | None = None) -> People:
    """People of heatpose's own document.

    Args:
        document: What ``to_heatpose`` gave, or the parsed file.
        skeleton: Needed when the document's skeleton is none of ``heatpose.skeletons``.

    Raises:
        ValueError: not such a document, a newer version, or another skeleton.
    """
    if not isinstance(document, Mapping) or document.get("format") != "heatpose":
        raise ValueError('document must be heatpose JSON, with "format": "heatpose"')
    if document.get("version") != VERSION:
        raise ValueError(f"document must be of version {VERSION}, got {document.get('version')}")
    name = document["skeleton"]
    skeleton = skeleton or BY_NAME.get(name)
    if skeleton is None:
        raise ValueError(f"document has the unknown skeleton {name!r}: pass skeleton=")
    if tuple(document["keypoint_names"]) != skeleton.keypoints:
        raise ValueError(f"document's keypoint_names are not those of {skeleton.name}")
    rows = [
        [point if point is not None else (0.0, 0.0, np.nan) for point in person["keypoints"]]
        for person in document["people"]
    ]
    points = np.array(rows, np.float32).reshape(len(rows), skeleton.num_keypoints, 3)
    missing = np.isnan(points[..., 2])
    canvas = (document["canvas"]["height"], document["canvas"]["width"])
    return _people(points, missing, [p["score"] for p in document["people"]], skeleton, canvas)


def to_openpose(people: People) -> dict[str, Any]:
    """OpenPose's output document, version 1.3.

    The body goes to ``pose_keypoints_2d`` as x, y, score, with 0, 0, 0 for a missing keypoint;
    ``hand21`` people go to ``hand_right_keypoints_2d``, since which hand it is is not known, and
    ``wholebody133`` people are spread over the pose (COCO's 17 and the feet), face and hands.
    OpenPose writes no person score, so that it is lost.
    """
    return {"version": 1.3, "people": [_openpose_person(person) for person in people]}


def _openpose_person(person: Person) -> dict[str, Any]:
    points = _triplets(person)
    parts = {"pose": points}
    if person.skeleton.name == "hand21":
        parts = {"hand_right": points}
    elif person.skeleton.keypoints == WHOLEBODY133.keypoints:
        parts = {
            "pose": points[: FEET.stop],
            "face": points[FACE],
            "hand_left": points[LEFT_HAND],
            "hand_right": points[RIGHT_HAND],
        }
    document: dict[str, Any] = {"person_id": [-1]}
    for dimensions in ("2d", "3d"):
        for part in ("pose", "face", "hand_left", "hand_right"):
            found = parts.get(part) if dimensions == "2d" else None
            values = [value for point in found for value in point] if found is not None else []
            document[f"{part}_keypoints_{dimensions}"] = values
    return document


def from_openpose(
    document: Mapping[str, Any], *, skeleton: Skeleton, canvas: tuple[int, int]
) -> People:
    """People of OpenPose's output document, from its ``pose_keypoints_2d``.

    Args:
        document: The parsed file, its coordinates in pixels (``--keypoint_scale 0``).
        skeleton: ``COCO18`` or ``BODY25``: the document does not say.
        canvas: (height, width) of the photo: the document does not say.

    Returns:
        People scored by the sum of their keypoint scores, as the document has no other.

    Raises:
        ValueError: the number of values does not fit the skeleton.
    """
    rows = [person["pose_keypoints_2d"] for person in document["people"]]
    for values in rows:
        if len(values) != 3 * skeleton.num_keypoints:
            raise ValueError(
                f"pose_keypoints_2d must hold 3 x {skeleton.num_keypoints} values "
                f"for {skeleton.name}, got {len(values)}"
            )
    points = np.array(rows, np.float32).reshape(len(rows), skeleton.num_keypoints, 3)
    missing = points[..., 2] == 0
    return _people(points, missing, points[..., 2].sum(axis=1), skeleton, canvas)


def to_coco(people: People, *, image_id: int | str, category_id: int = 1) -> list[dict[str, Any]]:
    """COCO results: one entry per person, for COCO's keypoint evaluation.

    ``keypoints`` are COCO's 17 in COCO's order wherever the skeleton has them all by name (the neck
    of COCO-18 and the feet of BODY_25 are left out); ``wholebody133`` adds COCO-WholeBody's
    ``foot_kpts``, ``face_kpts``, ``lefthand_kpts`` and ``righthand_kpts``; any other skeleton
    gives its keypoints in its own order. Each is x, y, score, and 0, 0, 0 where missing: the
    evaluation does not read the third number, and a score says more than a flag.

    Args:
        people: The people of one photo.
        image_id: The photo's id in the annotation file.
        category_id: 1 is COCO's person.
    """
    names = people.skeleton.keypoints
    if names == WHOLEBODY133.keypoints:
        parts: dict[str, Any] = dict(_WHOLEBODY_PARTS)
    elif set(COCO17.keypoints) <= set(names):
        parts = {"keypoints": [names.index(name) for name in COCO17.keypoints]}
    else:
        parts = {"keypoints": slice(None)}
    results = []
    for person in people:
        points = np.array(_triplets(person), np.float64)
        entry: dict[str, Any] = {"image_id": image_id, "category_id": category_id}
        entry |= {part: points[pick].reshape(-1).tolist() for part, pick in parts.items()}
        results.append(entry | {"score": _score(person.score)})
    return results


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write a document as strict JSON (UTF-8, no NaN), in one step.

    Raises:
        ValueError: the document holds NaN or Infinity.
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    write_atomically(path, text.encode() + b"\n")


def read_json(path: str | os.PathLike[str], *, skeleton: Skeleton | None = None) -> People:
    """Read a file of heatpose's own format; see ``from_heatpose``.

    Raises:
        ValueError: not JSON, or not heatpose's.
    """
    try:
        document = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    return from_heatpose(document, skeleton=skeleton)


def _people(
    points: NDArray[np.float32],
    missing: NDArray[np.bool_],
    person_scores: Sequence[float] | NDArray[np.float32],
    skeleton: Skeleton,
    canvas: tuple[int, int],
) -> People:
    """People of [P, K, 3] points in any order."""
    scores = np.asarray(person_scores, np.float32)
    order = np.argsort(-scores, kind="stable")
    keypoints = np.where(missing[..., None], np.float32(np.nan), points[..., :2])
    point_scores = np.where(missing, np.float32(0), points[..., 2])
    return People(keypoints[order], point_scores[order], scores[order], skeleton, canvas)


def _triplets(person: Person) -> list[list[float]]:
    """[x, y, score] per keypoint; 0, 0, 0 where missing."""
    rows = zip(
        person.keypoints.tolist(), person.scores.tolist(), person.visible.tolist(), strict=True
    )
    return [
        [_pixel(x), _pixel(y), _score(score)] if found else [0.0, 0.0, 0.0]
        for (x, y), score, found in rows
    ]


def _pixel(value: float) -> float:
    return round(float(value), 3)


def _score(value: float) -> float:
    return round(float(value), 6)
