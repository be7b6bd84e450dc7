"""Reading what is annotated: COCO's files, or the samples of a dataset."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

from heatpose.evaluation.fields import fields_of, normal_names
from heatpose.skeletons import Skeleton

if TYPE_CHECKING:
    from heatpose.datasets.samples import Annotation, Sample

ImageId = int | str


@dataclass(frozen=True, eq=False)
class TruePerson:
    """One annotated person, in the numbers of the file.

    Attributes:
        where: Which annotation it is, for errors.
        image_id: The photo.
        keypoints: float64 [K, 3], x, y and visibility, which is above 0 where labelled.
        box: (x, y, width, height) in pixels, or None.
        area: Square pixels, or None.
        crowd: Whether it stands for many.
    """

    where: str
    image_id: ImageId
    keypoints: NDArray[np.float64]
    box: tuple[float, float, float, float] | None
    area: float | None
    crowd: bool


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """All photos, in the order in which they are judged, and the people in the file's order."""

    image_ids: tuple[ImageId, ...]
    people: tuple[TruePerson, ...]
    categories: tuple[int, ...] = ()


Annotations = Union[str, "os.PathLike[str]", Mapping[str, Any], Iterable["Sample"], GroundTruth]


def read_ground_truth(annotations: Annotations, skeleton: Skeleton) -> GroundTruth:
    """Read a file of annotations, its document, or samples; what was read already stays.

    Raises:
        FileNotFoundError: no such file.
        TypeError: none of these.
        ValueError: no JSON, no annotations of keypoints, or another skeleton.
    """
    if isinstance(annotations, GroundTruth):
        return annotations
    if isinstance(annotations, (str, os.PathLike)):
        document = read_document(annotations)
        if not isinstance(document, dict):
            raise ValueError(f"{annotations} holds no COCO annotations: no JSON object")
        return _of_document(document, skeleton, str(annotations))
    if isinstance(annotations, Mapping):
        return _of_document(annotations, skeleton, "annotations")
    if isinstance(annotations, Iterable):
        return _of_samples(samples_of(annotations, skeleton), skeleton)
    raise TypeError(
        f"annotations must be a file, its document or samples, got {type(annotations).__name__}"
    )


def read_document(path: str | os.PathLike[str]) -> Any:
    """A JSON file; ValueError with its name where it is none."""
    try:
        return json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None


def sorted_ids(ids: Iterable[ImageId]) -> tuple[ImageId, ...]:
    """Photos in the order of COCO's evaluation, numbers before names."""
    return tuple(sorted(set(ids), key=lambda key: (isinstance(key, str), key)))


def _of_document(document: Mapping[str, Any], skeleton: Skeleton, name: str) -> GroundTruth:
    for key in ("images", "annotations"):
        if not isinstance(document.get(key), list):
            raise ValueError(f"{name} holds no COCO annotations: no list {key!r}")
    for key in ("categories", "images", "annotations"):
        for index, entry in enumerate(document.get(key) or []):
            if not isinstance(entry, Mapping):
                raise ValueError(f"{key}[{index}] of {name} must be an object, got {entry!r}")
    for category in document.get("categories") or []:
        _check_names(category, skeleton, name)
    used = sorted({entry.get("category_id", 1) for entry in document["annotations"]}, key=str)
    if len(used) > 1:
        raise ValueError(f"{name} must have one category of people, got {used}")
    image_ids = {image.get("id") for image in document["images"]}
    if not all(isinstance(key, (int, str)) for key in image_ids):
        raise ValueError(f"{name} has images without an id")
    people = []
    for index, entry in enumerate(document["annotations"]):
        where = f"annotation {entry.get('id', f'number {index}')} of {name}"
        if entry.get("image_id") not in image_ids:
            raise ValueError(f"{where} is of the unknown image {entry.get('image_id')!r}")
        box = entry.get("bbox")
        if box and (len(box) != 4 or not all(isinstance(side, (int, float)) for side in box)):
            raise ValueError(f"{where} must have a box of four numbers, got {box}")
        people.append(
            TruePerson(
                where,
                entry["image_id"],
                keypoints_of(entry, skeleton, where),
                (box[0], box[1], box[2], box[3]) if box else None,
                entry.get("area"),
                bool(entry.get("iscrowd", 0)),
            )
        )
    return GroundTruth(sorted_ids(image_ids), tuple(people), tuple(used))


def keypoints_of(entry: Mapping[str, Any], skeleton: Skeleton, where: str) -> NDArray[np.float64]:
    """float64 [K, 3] of an annotation or a result, its parts after each other.

    Raises:
        ValueError: a missing field, another number of keypoints, or infinite values.
    """
    answer = np.empty((skeleton.num_keypoints, 3))
    for field, place in fields_of(skeleton).items():
        if field not in entry:
            raise ValueError(f"{where} has no {field!r}, which {skeleton.name} needs")
        values = np.asarray(entry[field], np.float64).ravel()
        count = place.stop - place.start
        if len(values) != 3 * count:
            raise ValueError(
                f"{where} must have {count} keypoints of 3 numbers in {field!r} "
                f"({skeleton.name}), got {len(values)} numbers"
            )
        answer[place] = values.reshape(count, 3)
    if np.isinf(answer).any():
        raise ValueError(f"{where} must have finite keypoints")
    return answer


def _check_names(category: Mapping[str, Any], skeleton: Skeleton, name: str) -> None:
    """The same names in another order are another skeleton; other names may be synonyms."""
    names = normal_names(category.get("keypoints") or ())
    count = fields_of(skeleton)["keypoints"].stop
    own = list(skeleton.keypoints[:count])
    if sorted(names) == sorted(own) and names != own:
        raise ValueError(f"{name} has the keypoints of {skeleton.name} in another order: {names}")
    if names and len(names) not in (count, skeleton.num_keypoints):
        raise ValueError(
            f"{name} has {len(names)} keypoints, {skeleton.name} has {skeleton.num_keypoints}: "
            f"{', '.join(names)}"
        )


def _of_samples(samples: Sequence[Sample], skeleton: Skeleton) -> GroundTruth:
    people = []
    for sample in samples:
        for annotation in sample.annotations:
            where = f"annotation {annotation.id} of image {sample.image_id}"
            people.append(_of_annotation(annotation, sample.image_id, skeleton, where))
        regions = np.asarray(sample.unlabelled, np.float64).reshape(-1, 4)
        # A crowd with keypoints is an annotation and a region: the annotation says it all.
        crowds = {_box_of(a) for a in sample.annotations if a.crowd}
        for x1, y1, x2, y2 in regions.tolist():
            box = (x1, y1, x2 - x1, y2 - y1)
            if box not in crowds:
                where = f"an unlabelled region of image {sample.image_id}"
                nothing = np.zeros((skeleton.num_keypoints, 3))
                people.append(TruePerson(where, sample.image_id, nothing, box, None, False))
    return GroundTruth(sorted_ids(sample.image_id for sample in samples), tuple(people))


def samples_of(samples: Iterable[Sample], skeleton: Skeleton) -> list[Sample]:
    """Samples of different photos, all of a skeleton.

    Raises:
        TypeError: not samples.
        ValueError: another skeleton, an image twice, or nothing at all.
    """
    own = getattr(samples, "skeleton", skeleton)
    if own.keypoints != skeleton.keypoints:
        raise ValueError(f"annotations are of {own.name}, not of {skeleton.name}")
    answer, seen = [], set()
    for sample in samples:
        if not (hasattr(sample, "annotations") and hasattr(sample, "image_id")):
            raise TypeError(f"annotations must be samples, got {type(sample).__name__}")
        if sample.image_id in seen:
            raise ValueError(f"samples must be different images, {sample.image_id!r} comes twice")
        for annotation in sample.annotations:
            if len(annotation.keypoints) != skeleton.num_keypoints:
                raise ValueError(
                    f"annotation {annotation.id} of image {sample.image_id} has "
                    f"{len(annotation.keypoints)} keypoints, {skeleton.name} has "
                    f"{skeleton.num_keypoints}"
                )
        seen.add(sample.image_id)
        answer.append(sample)
    if not answer:
        raise ValueError("annotations are empty: no samples")
    return answer


def _box_of(annotation: Annotation) -> tuple[float, float, float, float] | None:
    if annotation.box is None:
        return None
    x1, y1, x2, y2 = np.asarray(annotation.box, np.float64).tolist()
    return x1, y1, x2 - x1, y2 - y1


def _of_annotation(
    annotation: Annotation, image_id: ImageId, skeleton: Skeleton, where: str
) -> TruePerson:
    keypoints = np.zeros((skeleton.num_keypoints, 3))
    known = np.asarray(annotation.visibility) > 0
    keypoints[known, :2] = annotation.keypoints[known]
    keypoints[:, 2] = annotation.visibility
    box = _box_of(annotation)
    return TruePerson(where, image_id, keypoints, box, annotation.area, annotation.crowd)
