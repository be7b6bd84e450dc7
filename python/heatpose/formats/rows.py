"""From the rows of a file to results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from heatpose.results import FloatArray, People
from heatpose.skeletons import Skeleton


def rows_of_points(name: str, rows: Sequence[Sequence[Any]], keypoints: int) -> FloatArray:
    """[N, K, 3] x, y, score of lists with [x, y, score] or null for each keypoint; NaN for null.

    Raises:
        ValueError: another number of keypoints, or a point of other than three numbers.
    """
    points = np.full((len(rows), keypoints, 3), np.nan, np.float32)
    for index, row in enumerate(rows):
        if len(row) != keypoints:
            raise ValueError(f"{name} {index} must have {keypoints} keypoints, got {len(row)}")
        for k, point in enumerate(row):
            if point is not None and len(point) != 3:
                raise ValueError(f"{name} {index} must have [x, y, score] or null, got {point}")
            points[index, k] = np.nan if point is None else point
    return points


def split_points(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Keypoints [N, K, 2] and scores [N, K] of [N, K, 3], in which missing ones are NaN."""
    return points[..., :2], np.where(np.isnan(points[..., 2]), np.float32(0), points[..., 2])


def people_of_rows(
    points: FloatArray,
    person_scores: Sequence[float] | FloatArray,
    skeleton: Skeleton,
    canvas: tuple[int, int],
) -> People:
    """People of [P, K, 3] points in any order, best first."""
    keypoints, scores = split_points(points)
    given = np.asarray(person_scores, np.float32)
    order = best_first(given)
    return People(keypoints[order], scores[order], given[order], skeleton, canvas)


def best_first(scores: FloatArray) -> Any:
    """int64 [P], the rows by falling score, equal ones in their order."""
    return np.argsort(-scores, kind="stable")
