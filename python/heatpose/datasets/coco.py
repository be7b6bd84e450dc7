"""Reading COCO keypoints and COCO-WholeBody, for bodies, whole bodies and hands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    region_of,
)
from heatpose.datasets.problems import OnProblem, ProblemLog, UnusableError
from heatpose.datasets.samples import Annotation, KeypointDataset
from heatpose.results import FloatArray, Side
from heatpose.skeletons import COCO17, HAND21, WHOLEBODY133

# Parts of COCO-WholeBody beside the body: field of the keypoints, of their flag, how many.
_PARTS = (
    ("foot_kpts", "foot_valid", 6),
    ("face_kpts", "face_valid", 68),
    ("lefthand_kpts", "lefthand_valid", 21),
    ("righthand_kpts", "righthand_valid", 21),
)
_SIDES: tuple[Side, ...] = ("left", "right")


def read_coco(
    annotations: PathLike,
    photos: PathLike,
    *,
    keep_empty: bool = False,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read COCO's person keypoints (``person_keypoints_train2017.json``).

    People without a labelled keypoint, and crowds, become ``Sample.unlabelled``.

    Args:
        annotations: The JSON file.
        photos: The folder of the photos.
        keep_empty: Whether photos without an annotated person are kept too.
        on_problem: What to do with entries that cannot be used.
        name: Of the dataset; default the file's.

    Returns:
        A dataset of ``COCO17``; see ``as_skeleton`` for ``COCO18``. ``extra`` has
        ``num_keypoints``.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: not a file of this kind, another skeleton, nothing to use in it, or the first
            problem where ``on_problem`` is ``"raise"``.

    Source of the format: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014.
    """
    log = ProblemLog(on_problem)
    entries = read_entries(annotations, COCO17, log)

    def parse(_: PhotoEntry, entry: Entry, where: str) -> Parsed:
        keypoints, visibility = keypoints_of(entry.get("keypoints"), 17)
        made = _person(entry, keypoints, visibility, {}, where, log)
        return _with_regions(made, entry)

    return make_dataset(
        name or Path(annotations).stem, COCO17, entries, photos, parse, log, keep_empty=keep_empty
    )


def read_coco_wholebody(
    annotations: PathLike,
    photos: PathLike,
    *,
    keep_empty: bool = False,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read COCO-WholeBody: bodies, feet, faces and hands (``coco_wholebody_train_v1.0.json``).

    A part that its flag (``face_valid``) calls invalid is not labelled.

    Args:
        annotations: The JSON file.
        photos: The folder of COCO's photos.
        keep_empty: Whether photos without an annotated person are kept too.
        on_problem: What to do with entries that cannot be used.
        name: Of the dataset; default the file's.

    Returns:
        A dataset of ``WHOLEBODY133``. ``extra`` has ``num_keypoints`` (of the body) and the flags
        ``foot_valid``, ``face_valid``, ``lefthand_valid``, ``righthand_valid``.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: see ``read_coco``.

    Source of the format: Jin et al., "Whole-Body Human Pose Estimation in the Wild", ECCV 2020.
    """
    log = ProblemLog(on_problem)
    # The file's category lists the body's keypoints alone.
    entries = read_entries(annotations, COCO17, log)

    def parse(_: PhotoEntry, entry: Entry, where: str) -> Parsed:
        parts = [keypoints_of(entry.get("keypoints"), 17)]
        for field, flag, count in _PARTS:
            keypoints, visibility = keypoints_of(entry.get(field), count, field)
            if not entry.get(flag, True):
                keypoints, visibility = np.full_like(keypoints, np.nan), np.zeros_like(visibility)
            parts.append((keypoints, visibility))
        flags = {flag: bool(entry[flag]) for _, flag, _ in _PARTS if flag in entry}
        made = _person(
            entry,
            np.concatenate([keypoints for keypoints, _ in parts]),
            np.concatenate([visibility for _, visibility in parts]),
            flags,
            where,
            log,
        )
        return _with_regions(made, entry)

    stem = name or Path(annotations).stem
    return make_dataset(stem, WHOLEBODY133, entries, photos, parse, log, keep_empty=keep_empty)


def read_coco_wholebody_hands(
    annotations: PathLike,
    photos: PathLike,
    *,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read the hands of COCO-WholeBody, each an annotation with its side and its box.

    A hand counts where its flag (``lefthand_valid``) says so and a keypoint is labelled.

    Args:
        annotations: The JSON file.
        photos: The folder of COCO's photos.
        on_problem: What to do with entries that cannot be used.
        name: Of the dataset; default the file's and ``-hands``.

    Returns:
        A dataset of ``HAND21``. The id of a hand is its person's and the side, ``"785-left"``; its
        area is the box's.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: see ``read_coco``.
    """
    log = ProblemLog(on_problem)
    entries = read_entries(annotations, COCO17, log)

    def parse(_: PhotoEntry, entry: Entry, where: str) -> Parsed:
        hands = []
        for side in _SIDES:
            if not entry.get(f"{side}hand_valid"):
                continue
            field = f"{side}hand_kpts"
            try:
                keypoints, visibility = keypoints_of(entry.get(field), 21, field)
                box = box_of(entry.get(f"{side}hand_box"), "hand's box")
            except UnusableError as error:
                log(where, str(error))
                continue
            if visibility.any():
                area = None if box is None else float(np.prod(box[2:] - box[:2]))
                key = f"{entry.get('id', 0)}-{side}"
                hands.append(Annotation(keypoints, visibility, box, area, side=side, id=key))
        return Parsed(hands, [])

    stem = name or f"{Path(annotations).stem}-hands"
    return make_dataset(stem, HAND21, entries, photos, parse, log)


def _person(
    entry: Entry,
    keypoints: FloatArray,
    visibility: NDArray[np.uint8],
    flags: dict[str, bool],
    where: str,
    log: ProblemLog,
) -> Annotation:
    try:
        box = box_of(entry.get("bbox"))
    except UnusableError as error:
        log(where, str(error))
        box = None
    extra = {"num_keypoints": int((visibility[:17] > 0).sum()), **flags}
    return Annotation(
        keypoints,
        visibility,
        box,
        area_of(entry),
        bool(entry.get("iscrowd")),
        id=entry.get("id", 0),
        extra=extra,
    )


def _with_regions(person: Annotation, entry: Entry) -> Parsed:
    """People without keypoints are regions; a crowd with keypoints is both."""
    labelled = bool(person.labelled.any())
    regions = region_of(entry) if person.crowd or not labelled else []
    return Parsed([person] if labelled else [], regions)
