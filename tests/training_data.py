"""Small datasets on disk, drawn for the tests of training: nothing of it is a photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heatpose.skeletons import COCO17, HAND21, Skeleton

SIDE = 96


def figure(skeleton: Skeleton, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture uint8 [96, 96, 3] of keypoints with their own colours, and where they are."""
    image = rng.integers(90, 110, (SIDE, SIDE, 3)).astype(np.uint8)
    columns = 5
    places = np.array([(k % columns, k // columns) for k in range(skeleton.num_keypoints)], float)
    points = 14 + places * 14 + rng.uniform(-4, 4, places.shape)
    for a, b in skeleton.limbs:
        ends = [tuple(int(v) for v in points[k].round()) for k in (a, b)]
        cv2.line(image, *ends, (60, 60, 60), 1)
    for (x, y), colour in zip(points, skeleton.keypoint_colors, strict=True):
        cv2.circle(image, (round(x), round(y)), 3, tuple(int(v) for v in colour), -1)
    return image, points


def write_people(folder: Path, count: int, *, hands: bool = False, seed: int = 0) -> str:
    """Write a dataset in COCO's layout; the text that ``heatpose train --data`` takes."""
    skeleton = HAND21 if hands else COCO17
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i in range(count):
        image, points = figure(skeleton, rng)
        cv2.imwrite(str(folder / f"{i}.png"), image)
        images.append({"id": i, "file_name": f"{i}.png", "height": SIDE, "width": SIDE})
        low, high = points.min(axis=0), points.max(axis=0)
        flags = np.full((skeleton.num_keypoints, 1), 2)
        annotations.append(
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "iscrowd": 0,
                "area": float(np.prod(high - low)),
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "keypoints": np.concatenate([points, flags], axis=1).ravel().tolist(),
                "num_keypoints": skeleton.num_keypoints,
            }
        )
    category = {"id": 1, "name": "person", "keypoints": list(skeleton.keypoints)}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    file = folder / "annotations.json"
    file.write_text(json.dumps(content))
    return f"{'onehand10k' if hands else 'coco'}:{file},{folder}"
