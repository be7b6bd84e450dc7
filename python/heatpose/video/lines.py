"""People of a video as JSON lines: a header, and then a line for every frame."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heatpose.formats import from_heatpose, to_heatpose
from heatpose.results import People
from heatpose.skeletons import Skeleton
from heatpose.video.reading import Frame, VideoInfo

FORMAT, VERSION = "heatpose-video", 1


class FramePeople(NamedTuple):
    """One line of the file.

    Attributes:
        number: Which frame of the video, from 0.
        time: Seconds.
        people: Who is there, best first; None of a broken frame.
        ids: int64 [P], -1 for who has no id (yet).
        error: What is wrong with the frame, None of a good one.
    """

    number: int
    time: float
    people: People | None
    ids: NDArray[np.int64]
    error: str | None


def header(info: VideoInfo, skeleton: Skeleton) -> dict[str, Any]:
    """The first line: the format's version, the skeleton, and the video's size and rate."""
    height, width = info.canvas
    return {
        "format": FORMAT,
        "version": VERSION,
        "skeleton": skeleton.name,
        "keypoint_names": list(skeleton.keypoints),
        "canvas": {"height": height, "width": width},
        "rate": None if info.rate is None else round(float(info.rate), 6),
    }


def line_of(frame: Frame, people: People | None, ids: Sequence[int]) -> dict[str, Any]:
    """The line of a frame: ``frame``, ``time`` and ``people``, or ``error`` of a broken one.

    A person is as in heatpose's own JSON, with its ``id`` before, null where there is none.
    """
    line: dict[str, Any] = {"frame": frame.number, "time": round(frame.time, 6)}
    if people is None:
        return line | {"error": frame.error}
    rows = to_heatpose(people)["people"]
    names = [int(who) if who > 0 else None for who in ids]
    line["people"] = [{"id": who, **row} for who, row in zip(names, rows, strict=True)]
    return line


def dump(line: dict[str, Any]) -> bytes:
    """A line as bytes, with its end."""
    text = json.dumps(line, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def read_lines(
    path: str | os.PathLike[str], *, skeleton: Skeleton | None = None
) -> Iterator[FramePeople]:
    """Read a file of ``heatpose video --json``, frame by frame.

    Args:
        path: The file.
        skeleton: Needed when it is none of ``heatpose.skeletons``.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or a newer version.
    """
    with Path(path).open("rb") as file:
        first = _parsed(file.readline(), path, 1)
        if first.get("format") != FORMAT or first.get("version") != VERSION:
            raise ValueError(f"{path} must begin with a line of {FORMAT}, version {VERSION}")
        top = {**first, "format": "heatpose", "version": 1}
        for number, text in enumerate(file, start=2):
            line = _parsed(text, path, number)
            people, ids = None, np.empty(0, np.int64)
            if "people" in line:
                people = from_heatpose({**top, **line}, People, skeleton=skeleton)
                rows = sorted(line["people"], key=lambda row: -row["score"])
                ids = np.array([row["id"] or -1 for row in rows], np.int64)
            yield FramePeople(line["frame"], line["time"], people, ids, line.get("error"))


def _parsed(text: bytes, path: str | os.PathLike[str], number: int) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}, is not JSON: {error}") from None
    if not isinstance(line, dict):
        raise ValueError(f"{path}, line {number}, is no JSON object")
    return line
