"""Reading hands: FreiHAND, OneHand10K, Panoptic's hands and RHD, in COCO's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

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
from heatpose.results.checks import tight_boxes
from heatpose.skeletons import HAND21

HandSet = Literal["freihand", "onehand10k", "panoptic", "rhd"]
BoxRule = Literal["file", "keypoints", "photo"]

# RHD counts each finger from its tip. Here: which of its keypoints is keypoint k of HAND21.
_TIP_FIRST = (0, *(4 * finger + k for finger in range(5) for k in (4, 3, 2, 1)))


@dataclass(frozen=True)
class _Rules:
    """What the files of a dataset do not say about themselves."""

    box: BoxRule = "file"
    order: tuple[int, ...] = tuple(range(21))
    side: Side | None = None


_SETS: dict[HandSet, _Rules] = {
    # The photos are crops already, all of them of right hands.
    "freihand": _Rules(box="photo", side="right"),
    "onehand10k": _Rules(),
    "panoptic": _Rules(),
    "rhd": _Rules(order=_TIP_FIRST),
}
# Panoptic's hands that people labelled: one photo a hand, 005880453_01_l.jpg.
_SIDE_OF_NAME: dict[str, Side] = {"_l": "left", "_r": "right"}


def read_hands(
    annotations: PathLike,
    photos: PathLike,
    kind: HandSet,
    *,
    box: BoxRule | None = None,
    on_problem: OnProblem = "skip",
    name: str | None = None,
) -> KeypointDataset:
    """Read a dataset of hands from a JSON file in COCO's layout, as MMPose publishes them.

    Args:
        annotations: The JSON file.
        photos: The folder of the photos.
        kind: Which dataset it is. ``"rhd"`` lists each finger from its tip, whatever its file
            says, and names the side in ``hand_type``; all hands of ``"freihand"`` are right; the
            photos of ``"panoptic"`` that people labelled end with ``_l`` or ``_r``.
        box: Where the hand's box comes from: the ``"file"``, the box tight around its
            ``"keypoints"``, or the whole ``"photo"``. ``None`` takes what is usual: the photo for
            ``"freihand"``, else the file.
        on_problem: What to do with entries that cannot be used.
        name: Of the dataset; default the file's.

    Returns:
        A dataset of ``HAND21``. ``extra`` has ``head_size`` where the file has.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: an unknown kind or box; not a file of this layout, another skeleton, nothing to
            use in it, or the first problem where ``on_problem`` is ``"raise"``.

    Sources: Zimmermann et al., "FreiHAND", ICCV 2019; Wang et al., "Mask-pose Cascaded CNN for 2D
    Hand Pose Estimation from Single Color Image", 2018 (OneHand10K); Simon et al., "Hand Keypoint
    Detection in Single Images using Multiview Bootstrapping", CVPR 2017 (Panoptic); Zimmermann and
    Brox, "Learning to Estimate 3D Hand Pose from Single RGB Images", ICCV 2017 (RHD).
    """
    if kind not in _SETS:
        raise ValueError(f"kind must be one of {', '.join(_SETS)}, got {kind!r}")
    rules = _SETS[kind]
    rule = box or rules.box
    if rule not in ("file", "keypoints", "photo"):
        raise ValueError(f"box must be 'file', 'keypoints', 'photo' or None, got {box!r}")
    log = ProblemLog(on_problem)
    entries = read_entries(annotations, HAND21, log)

    def parse(photo: PhotoEntry, entry: Entry, where: str) -> Parsed:
        keypoints, visibility = keypoints_of(entry.get("keypoints"), HAND21.num_keypoints)
        if not visibility.any():
            return Parsed([], region_of(entry))
        keypoints, visibility = keypoints[[*rules.order]], visibility[[*rules.order]]
        try:
            found = _box(rule, entry, keypoints, photo)
        except UnusableError as error:
            log(where, str(error))
            found = None
        made = Annotation(
            keypoints,
            visibility,
            found,
            area_of(entry),
            bool(entry.get("iscrowd")),
            _side(kind, rules, entry, photo),
            entry.get("id", 0),
            _extra(entry),
        )
        return Parsed([made], [])

    return make_dataset(name or Path(annotations).stem, HAND21, entries, photos, parse, log)


def _box(
    rule: BoxRule, entry: Entry, keypoints: FloatArray, photo: PhotoEntry
) -> FloatArray | None:
    if rule == "file":
        return box_of(entry.get("bbox"))
    if rule == "keypoints":
        tight: FloatArray = tight_boxes(keypoints[None])[0]
        return tight
    if photo.size is None:
        raise UnusableError("no box: the file does not state the photo's size")
    height, width = photo.size
    return np.array([0, 0, width, height], np.float32)


def _side(kind: HandSet, rules: _Rules, entry: Entry, photo: PhotoEntry) -> Side | None:
    if kind == "panoptic":
        return _SIDE_OF_NAME.get(Path(photo.file_name).stem[-2:])
    if kind == "rhd":
        side = entry.get("hand_type")
        return side if side in ("left", "right") else None
    return rules.side


def _extra(entry: Entry) -> dict[str, Any]:
    size = entry.get("head_size")
    known = isinstance(size, (int, float)) and np.isfinite(size) and size > 0
    return {"head_size": float(size)} if known else {}  # type: ignore[arg-type]
