"""People and hands to write, and a strict reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from heatpose.results import Hands, People
from heatpose.skeletons import (
    HAND21,
    Skeleton,
)


def crowd(skeleton: Skeleton, count: int = 2) -> People:
    rng = np.random.default_rng(1)
    keypoints = rng.uniform(0, 100, (count, skeleton.num_keypoints, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, keypoints.shape[:2]).astype(np.float32)
    keypoints[:, 2] = np.nan
    scores[:, 2] = 0
    return People(
        keypoints, scores, np.arange(count, 0, -1).astype(np.float32), skeleton, (120, 160)
    )


def hands_of(people: People | None, **changes: Any) -> Hands:
    """Two hands of the second person, a left one of the first, an empty one and two of nobody."""
    rng = np.random.default_rng(3)
    keypoints = rng.uniform(0, 100, (6, 21, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (6, 21)).astype(np.float32)
    keypoints[:, 5], scores[:, 5] = np.nan, 0
    keypoints[3], scores[3] = np.nan, 0
    boxes = rng.uniform(0, 50, (6, 4)).astype(np.float32) + np.array([0, 0, 60, 60], np.float32)
    fields: dict[str, Any] = {
        "keypoints": keypoints,
        "scores": scores,
        "hand_scores": np.array([0.5, 0.75, 0.25, 0, 0.375, 0.625], np.float32),
        "boxes": boxes,
        "sides": ("left", "right", "left", "right", "left", None),
        "persons": np.array([1, 1, 0, 0, -1, -1]),
        "skeleton": HAND21,
        "canvas": (120, 160),
        "people": people,
    }
    return Hands(**(fields | changes))


def strict(path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in a file")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
