"""Reading what was found: people of each photo, or COCO results."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.evaluation.fields import SCORE_FIELDS, fields_of
from heatpose.evaluation.ground_truth import (
    GroundTruth,
    ImageId,
    keypoints_of,
    read_document,
)
from heatpose.results import Hands, People
from heatpose.skeletons import Skeleton

Predictions = Mapping[Any, People | Hands] | Sequence[Mapping[str, Any]] | str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class FoundPerson:
    """One prediction.

    Attributes:
        image_id: The photo.
        keypoints: float64 [K, 3], x, y and score, NaN, NaN, 0 where missing.
        score: The person's.
        part_scores: Scores of parts, by their field in COCO results.
        area: Square pixels, of its box or of its keypoints.
    """

    image_id: ImageId
    keypoints: NDArray[np.float64]
    score: float
    part_scores: Mapping[str, float] = field(default_factory=dict)
    area: float = 0.0


def read_predictions(
    predictions: Predictions, truth: GroundTruth, skeleton: Skeleton
) -> list[FoundPerson]:
    """Read people of each photo, COCO results or a file of these.

    Raises:
        FileNotFoundError: no such file.
        TypeError: none of these.
        ValueError: nothing in them, an unknown image, another skeleton, or no JSON.
    """
    if isinstance(predictions, Mapping):
        if not predictions:
            raise ValueError("predictions are empty: no photo was looked at")
        check_images(predictions, truth.image_ids)
        return [
            person
            for image_id, people in predictions.items()
            for person in _of_people(people_of(people, skeleton, image_id), image_id, skeleton)
        ]
    name, entries = "predictions", predictions
    if isinstance(predictions, (str, os.PathLike)):
        name, entries = str(predictions), read_document(predictions)
    if not isinstance(entries, Sequence):
        raise TypeError(
            f"{name} must be people by image id or a list of COCO results, "
            f"got {type(entries).__name__}"
        )
    if not entries:
        raise ValueError(f"{name} are empty: no COCO results in them")
    found = []
    for index, entry in enumerate(entries):
        where = f"result {index} of {name}"
        if not isinstance(entry, Mapping):
            raise TypeError(f"{where} must be a COCO result, got {type(entry).__name__}")
        found.append(_of_entry(entry, truth, skeleton, where))
    check_images((person.image_id for person in found), truth.image_ids)
    return found


def people_of(result: People | Hands, skeleton: Skeleton, image_id: ImageId) -> People:
    """People with the keypoints of a skeleton, in its order.

    Raises:
        TypeError: neither people nor hands.
        ValueError: keypoints that the result's skeleton does not have.
    """
    if not isinstance(result, (People, Hands)):
        raise TypeError(
            f"predictions of image {image_id!r} must be People or Hands, "
            f"got {type(result).__name__}"
        )
    people = result.as_people() if isinstance(result, Hands) else result
    names = people.skeleton.keypoints
    if names == skeleton.keypoints:
        return people
    lacking = [name for name in skeleton.keypoints if name not in names]
    if lacking:
        raise ValueError(
            f"predictions of image {image_id!r} are of {people.skeleton.name}, which lacks "
            f"{len(lacking)} keypoints of {skeleton.name}: {', '.join(lacking[:4])}"
            f"{', ...' if len(lacking) > 4 else ''}"
        )
    picks = [names.index(name) for name in skeleton.keypoints]
    return People(
        people.keypoints[:, picks],
        people.scores[:, picks],
        people.person_scores,
        skeleton,
        people.canvas,
    )


def _of_people(people: People, image_id: ImageId, skeleton: Skeleton) -> list[FoundPerson]:
    points = np.concatenate([people.keypoints, people.scores[..., None]], axis=-1)
    points = points.astype(np.float64)
    return [
        FoundPerson(image_id, keypoints, float(score), {}, _area(keypoints, skeleton))
        for keypoints, score in zip(points, people.person_scores, strict=True)
    ]


def _of_entry(
    entry: Mapping[str, Any], truth: GroundTruth, skeleton: Skeleton, where: str
) -> FoundPerson:
    for key in ("image_id", "score"):
        if key not in entry:
            raise ValueError(f"{where} has no {key!r}")
    category = entry.get("category_id")
    if category is not None and truth.categories and category not in truth.categories:
        raise ValueError(
            f"{where} is of category {category}, the annotations of {truth.categories[0]}"
        )
    scores = {key: float(entry[key]) for key in SCORE_FIELDS if key in entry}
    if not np.isfinite(list(scores.values())).all():
        raise ValueError(f"{where} must have finite scores, got {scores}")
    keypoints = keypoints_of(entry, skeleton, where)
    keypoints[np.isnan(keypoints).any(axis=1)] = (np.nan, np.nan, 0)
    box = entry.get("bbox")
    area = float(box[2] * box[3]) if box else _area(keypoints, skeleton)
    return FoundPerson(entry["image_id"], keypoints, scores["score"], scores, area)


def _area(keypoints: NDArray[np.float64], skeleton: Skeleton) -> float:
    """Square pixels around the keypoints, as COCO's evaluation takes them from a file.

    Of a whole body it looks at the body. A missing keypoint lies at 0, 0 in such a file and widens
    the area; this only decides whether a person whom nobody matches is medium or large.
    """
    points = np.nan_to_num(keypoints[fields_of(skeleton)["keypoints"], :2], nan=0.0)
    return float(np.prod(points.max(axis=0) - points.min(axis=0)))


def check_images(ids: Iterable[Any], known: Sequence[ImageId]) -> None:
    """Refuse predictions of photos that nobody annotated; ValueError naming some."""
    annotated = set(known)
    unknown = list(dict.fromkeys(key for key in ids if key not in annotated))
    if not unknown:
        return
    shown, hint = (
        ", ".join(map(repr, some[:4])) + (", ..." if len(some) > 4 else "")
        for some in (unknown, known)
    )
    raise ValueError(
        f"predictions are of {len(unknown)} images that are not annotated: {shown}; "
        f"the annotations know {hint or 'none'}"
    )
