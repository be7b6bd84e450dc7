"""Boxes from JSON files, and which of them belong to a photo."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from heatpose.results import Boxes, Side
from heatpose.results.boxes import checked_sides

# Names such as COCO_val2014_000000000192: the photo's id is 192.
_COCO_NAME = re.compile(r"(?:COCO_\w+_)?(\d+)", re.ASCII)

# Far beyond any photo, and finite in float32 also after a sum; NaN is not below it either.
_MOST = 1e30


class _Entry(NamedTuple):
    box: tuple[float, float, float, float]
    score: float
    side: Side | None


def read_boxes(
    path: str | os.PathLike[str],
    *,
    categories: Collection[int] | None = None,
    padded: bool = False,
) -> dict[str, Boxes]:
    """Read the boxes of many photos.

    A JSON file of one of these kinds is told by its content::

        {"photo.jpg": [[x1, y1, x2, y2], [x1, y1, x2, y2, score], ...]}
        {"photo.jpg": [{"box": [x1, y1, x2, y2], "score": 0.9, "side": "left"}, ...]}
        [{"image_id": 785, "bbox": [x, y, width, height], "score": 0.9}, ...]
        [{"file_name": "photo.jpg", "bbox": [x, y, width, height]}, ...]
        {"images": [{"id": 785, "file_name": "photo.jpg"}], "annotations": [{"image_id": ...}]}

    the last three being COCO's results and annotations. Score and side may be absent, the score is
    then 1; both kinds of entries may stand in one list; other fields are not read.

    Args:
        path: The file.
        categories: COCO's ``category_id`` to keep, such as ``[1]`` for people; other entries, and
            those without one, are skipped. ``None`` keeps all. The first two kinds know none.
        padded: Whether the boxes hold the margin that a crop needs.

    Returns:
        The boxes, in the file's order, in pixels of the photo, by the photo's name or id (as a
        string) in the file. See ``boxes_of`` for how to find a photo's.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, or something in it that is no box; the message names the place.
    """
    path = Path(path)
    if not path.is_file():
        reason = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"boxes: {path} {reason}")
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON file of boxes: {error}") from None
    try:
        entries = _read_content(content, None if categories is None else tuple(categories))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return {photo: _as_record(found, padded) for photo, found in entries.items()}


def boxes_of(photo: str | os.PathLike[str], table: Mapping[str, Boxes]) -> Boxes | None:
    """Find a photo's boxes in what ``read_boxes`` gave.

    A photo is known by the end of its path (``a/b.jpg``, ``b.jpg``; the longest wins), the same
    without suffix, or the id that its name consists of: 785 for ``000000000785.jpg`` and for
    ``COCO_val2014_000000000785.jpg``.

    Args:
        photo: The photo's path.
        table: Boxes by name or id.

    Returns:
        The boxes, or ``None`` where the table does not name the photo.
    """
    path = PurePath(photo)
    names = [path.as_posix()]
    for given in (path, path.with_suffix("") if path.name else path):
        names += ["/".join(given.parts[i:]) for i in range(len(given.parts))]
    number = _COCO_NAME.fullmatch(path.stem)
    if number:
        names.append(str(int(number[1])))
    return next((table[name] for name in names if name in table), None)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict; the standard one would keep the last of two photos of one name."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{repeated!r} stands twice in one object")
    return made


def _read_content(content: Any, categories: Collection[int] | None) -> dict[str, list[_Entry]]:
    if isinstance(content, list):
        return _read_coco(content, {}, "", categories)
    if not isinstance(content, dict):
        raise ValueError(f"must hold an object or a list, got {_describe(content)}")
    if {"images", "annotations"} <= content.keys():
        photos = _read_photos(content["images"])
        annotations = _a_list(content["annotations"], "annotations")
        read = _read_coco(annotations, photos, "annotations", categories)
        return {name: read.get(name, []) for name in [*photos.values(), *read]}
    found: dict[str, list[_Entry]] = {}
    for photo, entries in content.items():
        name = PurePath(photo).as_posix()
        if name in found:
            raise ValueError(f"{photo} stands there twice")
        found[name] = [
            _read_entry(entry, f"{photo}[{i}]") for i, entry in enumerate(_a_list(entries, photo))
        ]
    return found


def _read_photos(images: Any) -> dict[str, str]:
    """File names by id, of the images of a COCO file."""
    photos: dict[str, str] = {}
    for i, image in enumerate(_a_list(images, "images")):
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str):
            raise ValueError(f"images[{i}] must hold a file_name, got {_describe(image)}")
        photos[_id(image.get("id"), f"images[{i}].id")] = PurePath(image["file_name"]).as_posix()
    return photos


def _read_coco(
    entries: list[Any],
    photos: Mapping[str, str],
    place: str,
    categories: Collection[int] | None,
) -> dict[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for i, entry in enumerate(entries):
        at = f"{place}[{i}]" if place else f"entry {i}"
        if not isinstance(entry, dict) or "bbox" not in entry:
            raise ValueError(f"{at} must be an object with a bbox, got {_describe(entry)}")
        if categories is not None and entry.get("category_id") not in categories:
            continue
        x, y, width, height = _numbers(entry["bbox"], f"{at}.bbox", "x, y, width, height", 4)
        corners = (x, y, x + width, y + height)
        side = entry.get("side")
        found.setdefault(_photo(entry, photos, at), []).append(
            _entry(corners, entry.get("score"), side, at)
        )
    return found


def _photo(entry: Mapping[str, Any], photos: Mapping[str, str], at: str) -> str:
    """The photo that an entry of a COCO list belongs to."""
    name = entry.get("file_name")
    if isinstance(name, str):
        return PurePath(name).as_posix()
    if "image_id" not in entry:
        raise ValueError(f"{at} must hold an image_id or a file_name")
    number = _id(entry["image_id"], f"{at}.image_id")
    return photos.get(number, number)


def _id(value: Any, at: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"{at} must be a whole number or a name, got {_describe(value)}")
    return str(value)


def _read_entry(entry: Any, at: str) -> _Entry:
    """One box of one of heatpose's own two kinds."""
    if isinstance(entry, dict):
        if "box" not in entry:
            raise ValueError(f"{at} must hold a box, got {_describe(entry)}")
        corners = _numbers(entry["box"], f"{at}.box", "x1, y1, x2, y2", 4)
        return _entry(corners, entry.get("score"), entry.get("side"), at)
    numbers = _numbers(entry, at, "x1, y1, x2, y2 and maybe a score", 4, 5)
    return _entry(numbers[:4], numbers[4] if len(numbers) == 5 else None, None, at)


def _entry(corners: Any, score: Any, side: Any, at: str) -> _Entry:
    x1, y1, x2, y2 = corners
    # In the precision that the boxes will have: a box may lose its area there.
    if not (np.float32(x2) > np.float32(x1) and np.float32(y2) > np.float32(y1)):
        raise ValueError(f"{at} must have an area, got x {x1:g} to {x2:g}, y {y1:g} to {y2:g}")
    try:
        (checked,) = checked_sides((side,), 1)
    except ValueError:
        raise ValueError(f"{at}.side must be 'left', 'right' or null, got {side!r}") from None
    (number,) = (1.0,) if score is None else _numbers([score], f"{at}.score", "one number", 1)
    return _Entry((x1, y1, x2, y2), number, checked)


def _numbers(values: Any, at: str, wanted: str, *counts: int) -> list[float]:
    right = isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _MOST
        for value in values
    )
    if not right or len(values) not in counts:
        raise ValueError(f"{at} must be numbers: {wanted}; got {_describe(values)}")
    return [float(value) for value in values]


def _a_list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{at} must be a list, got {_describe(value)}")
    return value


def _describe(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _as_record(entries: list[_Entry], padded: bool) -> Boxes:
    return Boxes(
        np.array([entry.box for entry in entries], np.float32).reshape(-1, 4),
        np.array([entry.score for entry in entries], np.float32),
        sides=tuple(entry.side for entry in entries),
        padded=padded,
    )
