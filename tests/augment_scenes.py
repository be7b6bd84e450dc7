"""Photos in which every keypoint can be found again by its colour."""

from __future__ import annotations

import cv2
import numpy as np

from heatpose.datasets.augment import Scene
from heatpose.datasets.targets import box_corners, person_regions
from heatpose.skeletons import Skeleton

WALKING = {
    "nose": (4, -60), "neck": (0, -45), "head_top": (0, -72),
    "right_shoulder": (-14, -44), "right_elbow": (-24, -24), "right_wrist": (-20, -4),
    "left_shoulder": (15, -43), "left_elbow": (27, -26), "left_wrist": (33, -6),
    "right_hip": (-9, 2), "right_knee": (-12, 34), "right_ankle": (-16, 66),
    "left_hip": (10, 3), "left_knee": (14, 33), "left_ankle": (24, 62),
    "right_eye": (0, -64), "left_eye": (9, -64), "right_ear": (-6, -62), "left_ear": (13, -62),
}  # fmt: skip


def colour(k: int) -> tuple[int, int, int]:
    """A bright BGR colour for keypoint k, 40 grey levels from all others'."""
    return 60 + 45 * (k % 5), 60 + 45 * (k // 5 % 5), 250


def walker(
    skeleton: Skeleton, seed: int = 0, size: tuple[int, int] = (240, 320), people: int = 1
) -> Scene:
    """People on a dark photo, a disc of its own colour on each of their keypoints."""
    rng = np.random.default_rng(seed)
    photo = np.full((*size, 3), 20, np.uint8)
    pose = np.array([WALKING[name] for name in skeleton.keypoints], np.float64)
    middles = np.stack([np.linspace(0, size[1], people + 2)[1:-1], np.full(people, 125.0)], 1)
    points = middles[:, None] + pose * rng.uniform(0.9, 1.3, (people, 1, 1))
    for person in points:
        for k, (x, y) in enumerate(person):
            cv2.circle(photo, (round(x * 16), round(y * 16)), 3 * 16, colour(k), -1, shift=4)
    visibility = np.full(points.shape[:2], 2, np.uint8)
    return Scene(
        photo,
        points,
        visibility,
        person_regions(points, visibility > 0, margin=0.1),
        box_corners([[5, 5, 40, 30]]),
    )


def found_at(photo: np.ndarray, k: int, point: np.ndarray, radius: int = 2) -> bool:
    """Whether a pixel of keypoint k's colour is within ``radius`` of a point of the photo."""
    x, y = np.rint(point).astype(int)
    if not (0 <= x < photo.shape[1] and 0 <= y < photo.shape[0]):
        return True  # outside: nothing to look at
    near = photo[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
    return bool((np.abs(near.astype(int) - colour(k)).max(axis=2) < 20).any())
