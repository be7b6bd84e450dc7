"""Small annotations and predictions whose numbers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heatpose.datasets.samples import Annotation, Sample
from heatpose.results import People
from heatpose.skeletons import Skeleton

TRIANGLE = Skeleton(
    name="triangle",
    keypoints=("top", "left_foot", "right_foot"),
    limbs=((0, 1), (0, 2)),
    oks_sigmas=(0.1, 0.05, 0.05),
)
AT = np.array([[100.0, 100.0], [50.0, 200.0], [150.0, 200.0]])
BOX = [50.0, 100.0, 100.0, 100.0]  # x, y, width, height: 10,000 square pixels, so large


def document(
    *people: tuple[int, ArrayLike, list[int]], images: int = 2, **fields: Any
) -> dict[str, Any]:
    """COCO annotations of (image, [K, 2] points, K visibilities)."""
    annotations = [
        {
            "id": 10 + index,
            "image_id": image,
            "category_id": 1,
            "keypoints": triplets(points, visible),
            "num_keypoints": sum(flag > 0 for flag in visible),
            "bbox": BOX,
            "area": 10000.0,
            "iscrowd": 0,
            **fields,
        }
        for index, (image, points, visible) in enumerate(people)
    ]
    return {
        "images": [{"id": number} for number in range(1, images + 1)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(TRIANGLE.keypoints)}],
    }


def triplets(points: ArrayLike, thirds: ArrayLike) -> list[float]:
    rows = np.concatenate([np.asarray(points, float), np.asarray(thirds, float)[:, None]], axis=1)
    flat: list[float] = rows.ravel().tolist()
    return flat


def result(image: int, points: ArrayLike, score: float = 0.9) -> dict[str, Any]:
    """A COCO result."""
    thirds = [1.0] * len(np.asarray(points))
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": triplets(points, thirds),
        "score": score,
    }


def people_at(
    points: ArrayLike, scores: ArrayLike | None = None, skeleton: Skeleton = TRIANGLE
) -> People:
    """People of [P, K, 2] points, NaN where missing."""
    keypoints = np.asarray(points, np.float32)
    confidences = np.where(np.isnan(keypoints[..., 0]), 0, 0.5).astype(np.float32)
    best = np.linspace(0.9, 0.5, len(keypoints)) if scores is None else scores
    return People(keypoints, confidences, np.float32(best), skeleton, (300, 400))


def sample(
    image: int | str, *people: ArrayLike, boxes: bool = True, size: tuple[int, int] | None = None
) -> Sample:
    """A photo with people of [K, 2] points, NaN where not labelled."""
    annotations = []
    for index, points in enumerate(people):
        xy = np.asarray(points, np.float32)
        known = ~np.isnan(xy[:, 0])
        low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
        box = np.float32([*low, *high]) if boxes else None
        area = float(np.prod(high - low))
        annotations.append(Annotation(xy, 2 * known.astype(np.uint8), box, area, id=index))
    return Sample(Path(f"{image}.jpg"), image, tuple(annotations), size)


def crowd_of(seed: int, people: int, spread: float = 60.0) -> NDArray[np.float64]:
    """[P, 3, 2] triangles in different places."""
    random = np.random.default_rng(seed)
    places = np.arange(people)[:, None, None] * [400.0, 0.0]
    points: NDArray[np.float64] = AT + places + random.uniform(-spread, spread, (people, 1, 2))
    return points
