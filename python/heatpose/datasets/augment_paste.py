"""Crowds: people cut out of other photos, with soft edges, pasted beside and over each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.datasets.augment_place import person_boxes, rotation_matrix
from heatpose.datasets.augment_scene import (
    Float64,
    Placement,
    Scene,
    UInt8,
    apply_affine,
    cells_at,
    hide_keypoints,
    move_photo,
)
from heatpose.skeletons import Skeleton


@dataclass(frozen=True)
class PasteOptions:
    """How many people are pasted, and how.

    Attributes:
        probability: That any are.
        most: Greatest number of people.
        size: Least and greatest size of a pasted person, relative to the people who are there.
        rotation: Greatest turn in degrees.
        flip: Probability of the mirror image.
        distance: Least and greatest distance from the person beside whom one is pasted, as a share
            of the mean of both people's longer sides.
        covered: Who would cover more than this share of somebody's labelled keypoints is left out.
        keypoints: Fewest labelled keypoints of a person that is pasted.
        thickness: Half the width of a limb in the cut-out, as a share of the person's longer side.
        softness: Standard deviation of the cut-out's edge, in pixels.
    """

    probability: float = 0.4
    most: int = 3
    size: tuple[float, float] = (0.6, 1.3)
    rotation: float = 15.0
    flip: float = 0.5
    distance: tuple[float, float] = (0.25, 0.9)
    covered: float = 0.3
    keypoints: int = 8
    thickness: float = 0.09
    softness: float = 2.0


NO_PASTE = PasteOptions(probability=0.0)


def paste_people(
    scene: Scene,
    donors: Sequence[Scene],
    skeleton: Skeleton,
    options: PasteOptions,
    rng: np.random.Generator,
) -> Scene:
    """Paste people of other scenes into one.

    Keypoints below a pasted person stay labelled and become hidden (visibility 1).

    Args:
        scene: In pixels of its photo, which has the size that the network sees.
        donors: Scenes of the same skeleton, as read; of each, one person at most is taken. Only
            those that are drawn are asked for: a sequence that reads its photos may be given.
        skeleton: Of all of them.
        options: How many and how.
        rng: Where random numbers come from.
    """
    if not donors or options.most < 1 or rng.random() >= options.probability:
        return scene
    count = min(int(rng.integers(1, options.most + 1)), len(donors))
    covered = np.zeros(scene.visibility.shape, np.bool_)
    for row in rng.choice(len(donors), count, replace=False):
        scene, covered = _paste_one(scene, covered, donors[int(row)], skeleton, options, rng)
    return scene


def _paste_one(
    scene: Scene,
    covered: NDArray[np.bool_],
    donor: Scene,
    skeleton: Skeleton,
    options: PasteOptions,
    rng: np.random.Generator,
) -> tuple[Scene, NDArray[np.bool_]]:
    """The scene with one more person, and which keypoints [P, K] are under pasted people by now."""
    enough = (donor.labelled.sum(axis=1) >= options.keypoints).nonzero()[0]
    if not len(enough):
        return scene, covered
    person = int(rng.choice(enough))
    placement = _beside(scene, person_boxes(donor)[person], options, rng)
    cut = silhouette(donor.keypoints[person], skeleton, donor.size, options)
    soft = move_photo(cut, placement, border=0)
    order = list(skeleton.flip) if placement.mirrored else slice(None)
    matrix = placement.crop_from_photo
    keypoints = apply_affine(matrix, donor.keypoints[person, order])
    cover = soft > 127
    hidden = covered | (cells_at(cover, scene.keypoints) & scene.labelled)
    outside = ~cells_at(np.ones(scene.size, np.bool_), keypoints)
    visibility = donor.visibility[person, order]
    known = visibility > 0
    if (hidden.sum(axis=1) > options.covered * scene.labelled.sum(axis=1)).any():
        return scene, covered
    if (outside & known).sum() > known.sum() / 2:
        return scene, covered
    below = hide_keypoints(scene, cover)
    more = Scene(
        blend(scene.photo, move_photo(donor.photo, placement), soft),
        np.concatenate([below.keypoints, keypoints[None]]),
        np.concatenate([below.visibility, visibility[None]]),
        np.concatenate([below.regions, apply_affine(matrix, donor.regions[person])[None]]),
        below.unlabelled,
    )
    return more, np.concatenate([hidden, np.zeros_like(known)[None]])


def _beside(
    scene: Scene, box: Float64, options: PasteOptions, rng: np.random.Generator
) -> Placement:
    """A place near one of the people of the scene, or anywhere in a scene of nobody."""
    height, width = scene.size
    boxes = person_boxes(scene)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    side = float(max(*(box[2:] - box[:2]), 1))
    turn = np.radians(rng.uniform(-1, 1) * options.rotation)
    mirrored = bool(rng.random() < options.flip)
    factor = rng.uniform(*options.size)
    if len(boxes):
        near = boxes[rng.integers(len(boxes))]
        there = float(max(*(near[2:] - near[:2]), 8))
        wanted = factor * there
        apart = rng.uniform(*options.distance) * (wanted + there) / 2
        # Mostly to the side, as people stand.
        angle = rng.normal(0, 0.35) + (np.pi if rng.random() < 0.5 else 0)
        center = (near[:2] + near[2:]) / 2 + apart * np.array([np.cos(angle), np.sin(angle)])
    else:
        wanted = factor * height / 2
        center = rng.uniform(0.2, 0.8, 2) * (width, height)
    linear = side / wanted * rotation_matrix(turn) @ np.diag([-1.0 if mirrored else 1.0, 1.0])
    middle = (box[:2] + box[2:]) / 2
    matrix = np.concatenate([linear, (middle - linear @ center)[:, None]], axis=1)
    return Placement(matrix, (height, width), mirrored)


def silhouette(
    keypoints: Float64, skeleton: Skeleton, size: tuple[int, int], options: PasteOptions
) -> UInt8:
    """Roughly where a person is: uint8 [H, W], 255 inside, with soft edges.

    Thick limbs, the hull of the trunk, and a head above the neck where none of its keypoints is
    labelled.

    Args:
        keypoints: [K, 2] in pixels, NaN where not labelled.
        skeleton: Of the keypoints.
        size: (H, W) of the photo.
        options: How thick and how soft.
    """
    mask = np.zeros(size, np.uint8)
    known = np.isfinite(keypoints).all(axis=-1).reshape(-1)
    points = {name: keypoints[k] for k, name in enumerate(skeleton.keypoints) if known[k]}
    seen = keypoints[known]
    side = float((seen.max(axis=0) - seen.min(axis=0)).max()) if len(seen) else 0.0
    thick = max(round(2 * options.thickness * side), 2)
    whole = {k: (int(x), int(y)) for k, (x, y) in enumerate(np.nan_to_num(keypoints)) if known[k]}
    for limb, (a, b) in enumerate(skeleton.limbs):
        if limb not in skeleton.non_starting_limbs and a in whole and b in whole:
            cv2.line(mask, whole[a], whole[b], 255, thick)
    corners = ("left_shoulder", "right_shoulder", "right_hip", "left_hip", "neck")
    trunk = [points[name] for name in corners if name in points]
    if len(trunk) > 2:
        hull = cv2.convexHull(np.array(trunk, np.float32)).astype(np.int32)
        cv2.fillConvexPoly(mask, hull, 255)
        cv2.polylines(mask, [hull], True, 255, thick)
    head = _head(points)
    if head is not None:
        center, radius = head
        cv2.circle(mask, (int(center[0]), int(center[1])), max(int(radius), 1), 255, -1)
    sigma = max(options.softness, 0.3)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)


def _head(points: dict[str, Float64]) -> tuple[Float64, float] | None:
    """Middle and radius of the head, from its own keypoints or from the trunk."""
    neck = _middle(points, "neck", ("left_shoulder", "right_shoulder"))
    hips = _middle(points, "mid_hip", ("left_hip", "right_hip"))
    if neck is None:
        return None
    if "head_top" in points:
        up = points["head_top"] - neck
        return neck + 0.55 * up, 0.62 * float(np.hypot(*up))
    face = [points[n] for n in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
            if n in points]  # fmt: skip
    if face:
        center: Float64 = np.mean(face, axis=0)
        return center, 0.9 * float(np.hypot(*(center - neck)))
    if hips is None:
        return None
    up = neck - hips
    return neck + 0.35 * up, 0.32 * float(np.hypot(*up))


def _middle(points: dict[str, Float64], name: str, pair: tuple[str, str]) -> Float64 | None:
    if name in points:
        return points[name]
    if pair[0] in points and pair[1] in points:
        middle: Float64 = (points[pair[0]] + points[pair[1]]) / 2
        return middle
    return None


def blend(below: UInt8, above: UInt8, share: NDArray[np.uint8]) -> UInt8:
    """``above`` over ``below`` [H, W, 3], with ``share`` [H, W] of 255."""
    part = cv2.merge([share, share, share])
    over = cv2.multiply(above, part, scale=1 / 255)
    under = cv2.multiply(below, cv2.bitwise_not(part), scale=1 / 255)
    return np.asarray(cv2.add(over, under), np.uint8)
