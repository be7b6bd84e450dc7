"""OpenPose's JSON files (``--write_json``), version 1.3, from and to ``Datum``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heatpose.adapters.openpose.datum import FACE_POINTS, HAND_POINTS, Datum, Float32
from heatpose.formats import write_json as write_document

_PARTS = ("pose", "face", "hand_left", "hand_right")
_DIGITS = 6  # of a float in the program's files


def keypoints_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Where ``--write_json FOLDER`` writes the people of a picture or frame."""
    return Path(folder) / f"{name}_keypoints.json"


def to_json(
    datum: Datum,
    *,
    part_candidates: bool = False,
    keypoint_scale: int = 0,
    size: tuple[int, int] | None = None,
    net_size: tuple[int, int] | None = None,
    output_size: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """The document of a picture.

    Args:
        datum: Its people, in pixels of the picture.
        part_candidates: Whether all peaks are written too (``--part_candidates``).
        keypoint_scale: The program's flag, 0 to 4; see :func:`scale_keypoints`.
        size: (height, width) of the picture, for all but 0.
        net_size: (height, width) of the network's input, for 1.
        output_size: (height, width) of the output, for 2.

    Raises:
        TypeError: a setting is of another type.
        ValueError: another scale, no size for it, or NaN in the arrays.
    """
    datum = datum.scaled(keypoint_scale, size=size, net_size=net_size, output_size=output_size)
    scaled = (datum.poseKeypoints, datum.faceKeypoints, *datum.handKeypoints)
    people = []
    for person, number in enumerate(datum.poseIds.tolist()):
        entry: dict[str, Any] = {"person_id": [number]}
        for part, array in zip(_PARTS, scaled, strict=True):
            entry[f"{part}_keypoints_2d"] = _numbers(array[person]) if len(array) else []
        entry |= {f"{part}_keypoints_3d": [] for part in _PARTS}
        people.append(entry)
    document: dict[str, Any] = {"version": 1.3, "people": people}
    if part_candidates:
        document["part_candidates"] = [
            {str(part): _numbers(peaks) for part, peaks in enumerate(datum.poseCandidates)}
        ]
    return document


def write_json(path: str | os.PathLike[str], datum: Datum, **settings: Any) -> None:
    """Write the file of a picture, in one step; ``settings`` as of :func:`to_json`."""
    write_document(path, to_json(datum, **settings))


def from_json(document: Mapping[str, Any], *, keypoints: int = 25) -> Datum:
    """The people of a document of the program, of any version since 1.0.

    Args:
        document: The parsed file.
        keypoints: K, for a file without people: it does not say.

    Raises:
        ValueError: not such a document, or people of different numbers of keypoints.
    """
    people = document.get("people") if isinstance(document, Mapping) else None
    if not isinstance(people, list) or not all(isinstance(one, Mapping) for one in people):
        raise ValueError("the document has no list of people: it is none of OpenPose's")
    rows = [_row(one, _old_name(one)) for one in people]
    counts = {len(row) // 3 for row in rows} - {0}
    if len(counts) > 1:
        raise ValueError(f"people must have equal numbers of keypoints, got {sorted(counts)}")
    count = counts.pop() if counts else keypoints
    pose = _points(rows, count, "pose_keypoints_2d")
    face, left, right = (
        _points([_row(one, f"{part}_keypoints_2d") for one in people], number, part)
        for part, number in (
            ("face", FACE_POINTS),
            ("hand_left", HAND_POINTS),
            ("hand_right", HAND_POINTS),
        )
    )
    ids = [_person_id(one) for one in people]
    candidates = document.get("part_candidates") or [{}]
    if not (isinstance(candidates, list) and [type(one) for one in candidates] == [dict]):
        raise ValueError("part_candidates must be a list of one object of lists by part")
    return Datum(
        pose if len(pose) else np.zeros((len(people), count, 3), np.float32),
        faceKeypoints=face,
        handKeypoints=(left, right),
        poseIds=np.array(ids, np.int64),
        poseCandidates=_candidates(candidates[0]),
    )


def read_json(path: str | os.PathLike[str], *, keypoints: int = 25) -> Datum:
    """Read a file of the program; see :func:`from_json`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, or none of OpenPose's.
    """
    try:
        return from_json(json.loads(Path(path).read_bytes()), keypoints=keypoints)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _old_name(person: Mapping[str, Any]) -> str:
    """Versions before 1.1 had no ``_2d``."""
    return "pose_keypoints_2d" if "pose_keypoints_2d" in person else "pose_keypoints"


def _row(entry: Mapping[str, Any], name: str) -> list[float]:
    row = entry.get(name, [])
    if not isinstance(row, list) or not all(map(_is_number, row)):
        raise ValueError(f"{name} must be a list of numbers, got {row!r}")
    return row


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _person_id(person: Mapping[str, Any]) -> int:
    """Versions before 1.3 had none; [-1] where the program tracks nobody."""
    number = person.get("person_id", [-1])
    if isinstance(number, list) and len(number) == 1:
        (number,) = number
    if type(number) is not int:
        raise ValueError(f"person_id must hold one whole number, got {person['person_id']!r}")
    return number


def _candidates(parts: Mapping[str, Any]) -> list[Float32]:
    if not all(name.isdecimal() for name in parts):
        raise ValueError(f"part_candidates must be named by numbers, got {', '.join(parts)}")
    peaks = []
    for name in sorted(parts, key=int):
        row = _row(parts, name)
        if len(row) % 3:
            raise ValueError(f"part_candidates {name} must hold 3 numbers a peak, got {len(row)}")
        peaks.append(np.array(row, np.float32).reshape(-1, 3))
    return peaks


def _points(rows: Sequence[Sequence[float]], count: int, name: str) -> Float32:
    """[P, count, 3], zeros for people without; [0, count, 3] where nobody has any."""
    if not any(rows):
        return np.zeros((0, count, 3), np.float32)
    points = np.zeros((len(rows), count, 3), np.float32)
    for person, row in enumerate(rows):
        if row and len(row) != 3 * count:
            raise ValueError(f"{name} must hold 3 x {count} numbers, got {len(row)}")
        if row:
            points[person] = np.array(row, np.float32).reshape(count, 3)
    return points


def _numbers(array: Float32) -> list[float]:
    if not np.isfinite(array).all():
        raise ValueError("keypoints must be finite: missing ones are three zeros")
    return [float(f"{value:.{_DIGITS}g}") for value in array.ravel().tolist()]
