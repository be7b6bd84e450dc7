"""Shapes over a photo, so that a network learns to guess what is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.augment_place import person_boxes
from heatpose.datasets.augment_scene import Scene, UInt8, cells_at, hide_keypoints


@dataclass(frozen=True)
class OcclusionOptions:
    """What is laid over a photo, and how often.

    Attributes:
        probability: That anything is.
        most: Greatest number of shapes.
        size: Least and greatest side of a shape, as a share of the longer side of a person (of the
            photo where there is nobody).
        on_keypoint: Probability that a shape's centre is near a labelled keypoint rather than
            anywhere.
        covered: A shape that would cover more than this share of one person's labelled keypoints
            is left out.
    """

    probability: float = 0.3
    most: int = 3
    size: tuple[float, float] = (0.08, 0.35)
    on_keypoint: float = 0.6
    covered: float = 0.4


NO_OCCLUSION = OcclusionOptions(probability=0.0)


def occlude(scene: Scene, options: OcclusionOptions, rng: np.random.Generator) -> Scene:
    """Lay rectangles and ellipses over a scene: one colour, noise, or another part of the photo.

    Keypoints below them stay labelled and become hidden (visibility 1).

    Args:
        scene: In pixels of the photo.
        options: How much.
        rng: Where random numbers come from.
    """
    if rng.random() >= options.probability or options.most < 1:
        return scene
    photo = scene.photo.copy()
    cover = np.zeros(scene.size, np.bool_)
    for _ in range(int(rng.integers(1, options.most + 1))):
        shape = _shape(scene, options, rng)
        together = cover | (shape > 0)
        hidden = (cells_at(together, scene.keypoints) & scene.labelled).sum(axis=1)
        if (hidden > options.covered * scene.labelled.sum(axis=1)).any():
            continue
        cover = together
        _fill(photo, shape, rng)
    return hide_keypoints(replace(scene, photo=photo), cover)


def _shape(scene: Scene, options: OcclusionOptions, rng: np.random.Generator) -> UInt8:
    """uint8 [H, W], 255 inside a random rectangle or ellipse."""
    height, width = scene.size
    boxes = person_boxes(scene)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    whole = float(max(height, width))
    sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) if len(boxes) else np.array([whole])
    unit = min(max(float(rng.choice(sides)), whole / 20), whole)
    across, down = unit * rng.uniform(*options.size, 2)
    center = rng.uniform(0, 1, 2) * (width - 1, height - 1)
    points = scene.keypoints[scene.labelled]
    if len(points) and rng.random() < options.on_keypoint:
        center = points[rng.integers(len(points))] + rng.normal(0, 0.25, 2) * (across, down)
    angle = rng.uniform(0, 180)
    # Far outside the photo OpenCV's fixed-point corners would overflow; nothing is drawn there.
    middle = np.clip(center, -2 * whole, 3 * whole)
    shape = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:
        place = (float(middle[0]), float(middle[1]))
        corners = cv2.boxPoints((place, (float(across), float(down)), float(angle)))
        cv2.fillConvexPoly(shape, np.rint(corners).astype(np.int32), 255)
    else:
        pixel = (int(middle[0]), int(middle[1]))
        axes = (max(int(across / 2), 1), max(int(down / 2), 1))
        cv2.ellipse(shape, pixel, axes, float(angle), 0, 360, 255, -1)
    return shape


def _fill(photo: UInt8, shape: UInt8, rng: np.random.Generator) -> None:
    """Fill a shape of the photo in place."""
    inside = shape > 0
    kind = rng.integers(3)
    if kind == 0:
        photo[inside] = rng.integers(0, 256, 3, np.uint8)
    elif kind == 1:
        coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
        noise = cv2.resize(coarse, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        photo[inside] = np.asarray(noise)[inside]
    else:
        photo[inside] = _elsewhere(photo, rng)[inside]


def _elsewhere(photo: UInt8, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The photo moved by at least a quarter of its size, around its edges."""
    height, width = photo.shape[:2]
    rows = int(rng.integers(height // 4, max(height - height // 4, height // 4 + 1)))
    columns = int(rng.integers(width // 4, max(width - width // 4, width // 4 + 1)))
    return np.roll(photo, (rows, columns), axis=(0, 1))
