"""What JSON files of annotations share: photos, entries, keypoints and boxes.

Plain ``json`` and not pycocotools: that one stops at the first entry without ``image_id``, knows no
nested keypoints, and its index serves questions that no reader here asks. Its strength, the
evaluation, is used where models are judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.problems import ProblemLog, UnusableError
from heatpose.datasets.samples import Annotation, KeypointDataset, Sample, Size
from heatpose.results import FloatArray
from heatpose.skeletons import Skeleton

PathLike = str | os.PathLike[str]
Entry = Mapping[str, Any]

NO_PHOTO = "no such photo"


class PhotoEntry(NamedTuple):
    """A photo of a file of annotations, with its entries as they are in the file."""

    image_id: int | str
    file_name: str
    size: Size | None
    entries: list[Entry]


class Parsed(NamedTuple):
    """What an entry gives: annotations, and boxes of people without labels."""

    annotations: list[Annotation]
    unlabelled: list[FloatArray]


def read_json(path: PathLike) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, for instance only the first half of it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file of annotations: {path}")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a whole JSON file: {error}") from None


def read_entries(
    path: PathLike, skeleton: Skeleton, log: ProblemLog, content: Any = None
) -> list[PhotoEntry]:
    """The photos of a file in COCO's layout: ``images``, ``annotations``, ``categories``.

    Entries of categories without keypoints are left out where the file has others. ``content`` is
    that of the file, where it is read already.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, another layout, or keypoints of another skeleton.
    """
    content = read_json(path) if content is None else content
    where = Path(path).name
    for key in ("images", "annotations"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(f"{path} must hold an object with a list {key!r}, as COCO's files do")
    wanted = _categories(content.get("categories"), skeleton, where)
    photos: dict[int | str, PhotoEntry] = {}
    for number, image in enumerate(content["images"]):
        record = image if isinstance(image, dict) else {}
        file_name, photo_id = record.get("file_name"), record.get("id")
        if not (isinstance(file_name, str) and file_name and isinstance(photo_id, (int, str))):
            log(f"{where}, images[{number}]", "photo entry without id or file name")
        elif photo_id in photos:
            log(f"{where}, images[{number}]", "photo entry with the id of another")
        else:
            photos[photo_id] = PhotoEntry(photo_id, file_name, _size(record), [])
    for number, entry in enumerate(content["annotations"]):
        of = entry.get("image_id") if isinstance(entry, dict) else None
        if not isinstance(of, (int, str)) or of not in photos:
            log(f"{where}, annotations[{number}]", "annotation of no photo in the file")
        elif wanted is None or entry.get("category_id") in wanted:
            photos[of].entries.append(entry)
    return list(photos.values())


def make_dataset(
    name: str,
    skeleton: Skeleton,
    photos: list[PhotoEntry],
    folder: PathLike,
    parse: Callable[[PhotoEntry, Entry, str], Parsed],
    log: ProblemLog,
    *,
    keep_empty: bool = False,
) -> KeypointDataset:
    """Samples of all photos that exist and have an annotation.

    Args:
        name: Of the dataset.
        skeleton: Of the dataset.
        photos: What the file of annotations holds.
        folder: Where the photos are.
        parse: Makes annotations of an entry, given what to call it in problems; raises
            ``UnusableError``.
        log: Takes the problems.
        keep_empty: Whether photos without an annotation are kept.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no sample is left, or a problem where the log raises.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder of photos: {folder}")
    samples = []
    for photo in photos:
        path = folder / photo.file_name
        if not path.is_file():
            log(str(path), NO_PHOTO)
            continue
        annotations: list[Annotation] = []
        unlabelled: list[FloatArray] = []
        for entry in photo.entries:
            where = f"{name}, annotation {entry.get('id', '?')} of {photo.file_name}"
            try:
                parsed = parse(photo, entry, where)
            except UnusableError as error:
                log(where, str(error))
                parsed = Parsed([], region_of(entry))
            annotations += parsed.annotations
            unlabelled += parsed.unlabelled
        if annotations or keep_empty:
            samples.append(
                Sample(path, photo.image_id, tuple(annotations), photo.size, tuple(unlabelled))
            )
    dataset = KeypointDataset(name, skeleton, samples, log.found)
    if not samples:
        raise ValueError(f"nothing to use is left of {dataset.summary()}")
    return dataset


def keypoints_of(
    values: Any, count: int, name: str = "keypoints"
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """Places and visibility of (x, y, v) triples, flat or nested.

    ``v`` of 0 is not labelled, of 2 visible; all between, which COCO-WholeBody's hands use as a
    confidence, is labelled.

    Returns:
        float32 [K, 2], NaN where not labelled, and uint8 [K].

    Raises:
        UnusableError: none, not numbers, another count, or numbers that are not finite.
    """
    if values is None or not isinstance(values, (list, tuple)) or not values:
        raise UnusableError(f"annotation without {name}")
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise UnusableError(f"{name} that are not numbers") from None
    if numbers.size != 3 * count:
        raise UnusableError(f"{name} of another skeleton ({numbers.size} numbers, not {3 * count})")
    triples = numbers.reshape(count, 3)
    if not ((triples[:, 2] >= 0) & (triples[:, 2] <= 2)).all():
        raise UnusableError(f"{name} with a visibility that is not 0, 1 or 2")
    visibility = np.clip(np.ceil(np.minimum(triples[:, 2], 1)) + (triples[:, 2] >= 2), 0, 2)
    labelled = visibility > 0
    if not np.isfinite(triples[labelled, :2]).all():
        raise UnusableError(f"{name} that are not finite")
    keypoints = np.where(labelled[:, None], triples[:, :2], np.nan).astype(np.float32)
    return keypoints, visibility.astype(np.uint8)


def box_of(value: Any, name: str = "box") -> FloatArray | None:
    """COCO's (x, y, width, height) as float32 (x1, y1, x2, y2); None where there is none.

    Raises:
        UnusableError: not four finite numbers, or no area.
    """
    if value is None:
        return None
    try:
        box = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise UnusableError(f"{name} that is not four numbers") from None
    if box.shape != (4,) or not np.isfinite(box).all():
        raise UnusableError(f"{name} that is not four numbers")
    if not (box[2:] > 0).all():
        raise UnusableError(f"{name} without area")
    return np.concatenate([box[:2], box[:2] + box[2:]]).astype(np.float32)


def region_of(entry: Entry) -> list[FloatArray]:
    """The box of an entry that cannot be used otherwise, if that much can be."""
    try:
        box = box_of(entry.get("bbox"))
    except UnusableError:
        return []
    return [] if box is None else [box]


def area_of(entry: Entry) -> float | None:
    """The entry's area in pixels, None where it states none above 0."""
    area = entry.get("area")
    known = isinstance(area, (int, float)) and np.isfinite(area) and area > 0
    return float(area) if known else None  # type: ignore[arg-type]


def _size(image: Entry) -> Size | None:
    height, width = image.get("height"), image.get("width")
    if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
        return height, width
    return None


def _categories(categories: Any, skeleton: Skeleton, where: str) -> set[Any] | None:
    """Ids of the categories with keypoints; None where the file names none.

    Raises:
        ValueError: their keypoints are others than the skeleton's, or stand in another order.
    """
    given = [c for c in categories if isinstance(c, dict)] if isinstance(categories, list) else []
    with_keypoints = [c for c in given if isinstance(c.get("keypoints"), list) and c["keypoints"]]
    if not with_keypoints:
        return None
    for category in with_keypoints:
        names = [str(name).strip().lower().replace(" ", "_") for name in category["keypoints"]]
        if len(names) != skeleton.num_keypoints:
            raise ValueError(
                f"{where} has {len(names)} keypoints for {category.get('name')!r}, but "
                f"{skeleton.name} has {skeleton.num_keypoints}"
            )
        # Names that we do not know say nothing about the order, such as those of fingers.
        if sorted(names) == sorted(skeleton.keypoints) and names != list(skeleton.keypoints):
            raise ValueError(f"{where} has the keypoints of {skeleton.name} in another order")
    return {category.get("id") for category in with_keypoints}
