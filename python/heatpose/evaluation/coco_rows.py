"""Annotations and predictions as pycocotools reads them, and its verdict."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.evaluation.fields import Judged
from heatpose.evaluation.ground_truth import GroundTruth, ImageId, TruePerson
from heatpose.evaluation.predicted import FoundPerson

# AI Challenger and CrowdPose state no area; their evaluations take this share of the box.
_SHARE_OF_BOX = 0.53
# Where a missing keypoint is put, in pixels: so far from everything that its similarity is 0.
_NOWHERE = 1e9

Row = dict[str, Any]


def truth_rows(truth: GroundTruth, part: Judged, *, use_area: bool) -> list[Row]:
    """The annotations of one part.

    Raises:
        ValueError: a person with keypoints has no area, or no box to take it from.
    """
    numbers = _numbers(truth)
    rows: list[Row] = []
    for person in truth.people:
        box = person.box or _box_around(person)
        if box is None:
            continue  # neither a keypoint nor a box: nothing can be near it
        points = person.keypoints[part.place]
        rows.append(
            {
                # From 1, because 0 stands for nobody in the tables of matches.
                "id": len(rows) + 1,
                "image_id": numbers[person.image_id],
                "category_id": 1,
                "keypoints": points.ravel(),
                "num_keypoints": int((points[:, 2] > 0).sum()),
                "bbox": box,
                "area": _area(person, use_area),
                "iscrowd": int(person.crowd),
            }
        )
    return rows


def found_rows(
    found: Sequence[FoundPerson], truth: GroundTruth, part: Judged, *, drop_unscored: bool
) -> list[Row]:
    """The predictions of one part, perhaps without those that score 0 in all its keypoints."""
    numbers = _numbers(truth)
    rows: list[Row] = []
    for person in found:
        points = person.keypoints[part.place]
        if drop_unscored and not (points[:, 2] > 0).any():
            continue
        rows.append(
            {
                "id": len(rows) + 1,
                "image_id": numbers[person.image_id],
                "category_id": 1,
                "keypoints": np.where(np.isnan(points), _NOWHERE, points).ravel(),
                "score": person.part_scores.get(part.score, person.score),
                "area": person.area,
            }
        )
    return rows


def judge(truth: list[Row], found: list[Row], images: int, sigmas: Sequence[float]) -> list[float]:
    """The ten numbers of ``OksScores``, -1 where nothing of the kind is annotated.

    Args:
        truth: Rows of ``truth_rows``.
        found: Rows of ``found_rows``.
        images: How many photos there are; their numbers go from 1.
        sigmas: Of the part's keypoints.

    Raises:
        ImportError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise ImportError(
            "judging by OKS needs pycocotools: pip install 'heatpose[evaluate]'"
        ) from error
    # The library tells the terminal of each of its steps.
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for rows in (truth, found):
            side = COCO()
            side.dataset = {
                "images": [{"id": number} for number in range(1, images + 1)],
                "categories": [{"id": 1, "name": "person"}],
                "annotations": rows,
            }
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, iouType="keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def _numbers(truth: GroundTruth) -> dict[ImageId, int]:
    """Photos from 1, in the order in which equal scores are ranked."""
    return {image_id: number for number, image_id in enumerate(truth.image_ids, 1)}


def _area(person: TruePerson, use_area: bool) -> float:
    if use_area and person.area is not None:
        return float(person.area)
    labelled = bool((person.keypoints[:, 2] > 0).any())
    if use_area and labelled:
        raise ValueError(
            f"{person.where} has no area; use_area=False takes {_SHARE_OF_BOX} of its box"
        )
    if person.box is None:
        raise ValueError(f"{person.where} has no box to take its area from")
    return _SHARE_OF_BOX * person.box[2] * person.box[3]


def _box_around(person: TruePerson) -> tuple[float, float, float, float] | None:
    points: NDArray[np.float64] = person.keypoints[person.keypoints[:, 2] > 0, :2]
    if not len(points):
        return None
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x1, y1, x2 - x1, y2 - y1
