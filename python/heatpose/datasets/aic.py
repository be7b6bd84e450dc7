"""Reading AI Challenger's keypoints, as published and as other toolboxes rewrite them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heatpose.datasets.entries import (
    Entry,
    Parsed,
    PathLike,
    PhotoEntry,
    area_of,
    box_of,
    keypoints_of,
    make_dataset,
    read_entries,
    read_json,
    region_of,
)
from heatpose.datasets.problems import OnProblem, ProblemLog, UnusableError
from heatpose.datasets.samples import Annotation, KeypointDataset
from heatpose.skeletons import AIC14

# AI Challenger's 1 visible, 2 hidden, 3 not labelled, in COCO's numbers.
_VISIBILITY: dict[float, int] = {1: 2, 2: 1, 3: 0}


def read_aic(
    annotations: PathLike,
    photos: PathLike,
    *,
    keep_empty: bool = False,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read the keypoints of AI Challenger 2017, 14 a person.

    The file is either the published one, a list of ::

        {"image_id": "a1b2", "human_annotations": {"human1": [x1, y1, x2, y2]},
         "keypoint_annotations": {"human1": [x, y, v, ...]}}

    with v of 1 visible, 2 hidden, 3 not labelled, or one in COCO's layout, where v is COCO's: 2
    visible, 1 hidden, 0 not labelled. The photos of the first are ``<image_id>.jpg``.

    Args:
        annotations: The JSON file.
        photos: The folder of the photos.
        keep_empty: Whether photos without an annotated person are kept too.
        on_problem: What to do with entries that cannot be used.
        name: Of the dataset; default the file's.

    Returns:
        A dataset of ``AIC14``, without areas where the file states none. People without a labelled
        keypoint are ``Sample.unlabelled``. The id of a person of the first layout is
        ``"<image_id>/human1"``.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: not a file of this kind, another skeleton, nothing to use in it, or the first
            problem where ``on_problem`` is ``"raise"``.

    Source of the format: Wu et al., "Large-Scale Datasets for Going Deeper in Image Understanding",
    2019.
    """
    log = ProblemLog(on_problem)
    content = read_json(annotations)
    if isinstance(content, list):
        entries = _published(content, Path(annotations).name, log)
    else:
        entries = read_entries(annotations, AIC14, log, content)

    def parse(_: PhotoEntry, entry: Entry, where: str) -> Parsed:
        keypoints, visibility = keypoints_of(entry.get("keypoints"), AIC14.num_keypoints)
        if not visibility.any():
            return Parsed([], region_of(entry))
        try:
            box = box_of(entry.get("bbox"))
        except UnusableError as error:
            log(where, str(error))
            box = None
        crowd, key = bool(entry.get("iscrowd")), entry.get("id", 0)
        extra = {"num_keypoints": int((visibility > 0).sum())}
        made = Annotation(keypoints, visibility, box, area_of(entry), crowd, id=key, extra=extra)
        return Parsed([made], [])

    stem = name or Path(annotations).stem
    return make_dataset(stem, AIC14, entries, photos, parse, log, keep_empty=keep_empty)


def _published(content: list[Any], where: str, log: ProblemLog) -> list[PhotoEntry]:
    """The photos of the published layout, with entries as COCO's layout has them."""
    photos = []
    for number, photo in enumerate(content):
        key = photo.get("image_id") if isinstance(photo, Mapping) else None
        if not isinstance(key, str) or not key:
            log(f"{where}[{number}]", "photo entry without id or file name")
            continue
        boxes, people = photo.get("human_annotations"), photo.get("keypoint_annotations")
        if not isinstance(boxes, Mapping) or not isinstance(people, Mapping):
            log(f"{where}[{number}], {key}", "photo entry without boxes or keypoints")
            continue
        entries: list[Entry] = [
            {
                "id": f"{key}/{human}",
                "bbox": _corners(boxes.get(human)),
                "keypoints": _renumbered(people.get(human)),
            }
            for human in dict.fromkeys([*people, *boxes])
        ]
        photos.append(PhotoEntry(key, f"{key}.jpg", None, entries))
    return photos


def _corners(box: Any) -> Any:
    """(x1, y1, x2, y2) as COCO's (x, y, width, height); what is no box stays, to be named."""
    try:
        x1, y1, x2, y2 = box
        return [x1, y1, x2 - x1, y2 - y1]
    except (TypeError, ValueError):
        return box


def _renumbered(triples: Any) -> Any:
    """Keypoints with COCO's visibility; a number that is none of the three becomes -1."""
    if not isinstance(triples, list):
        return triples
    return [
        _VISIBILITY.get(v, -1) if place % 3 == 2 and isinstance(v, (int, float)) else v
        for place, v in enumerate(triples)
    ]
