"""Where the input of a network lies in a photo: flip, rotation, scale and shift as one affine map.

The map is applied once, to the photo by :func:`heatpose.ops.warp_crops` and to keypoints and
regions by the same numbers, so that nothing is resampled twice and nothing can drift apart.
Random numbers come from the caller's generator alone: a run with the same seed repeats, whatever
the number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose import ops
from heatpose.datasets.augment_scene import Float64, Placement, Scene
from heatpose.ops._arrays import choice
from heatpose.skeletons import Skeleton

_KINDS = ("uniform", "clipped", "truncated")


@dataclass(frozen=True)
class Spread:
    """A random number about 0.

    Attributes:
        limit: It lies between minus and plus this.
        sigma: Standard deviation of the normal kinds; None for ``limit``.
        kind: "uniform"; "clipped", a normal number moved to the limits where it is beyond them;
            "truncated", a normal number drawn until it is within them.
        probability: Else it is 0.
    """

    limit: float = 0.0
    sigma: float | None = None
    kind: str = "uniform"
    probability: float = 1.0

    def draw(self, rng: np.random.Generator, count: int = 1) -> Float64:
        """``count`` numbers, which are 0 together."""
        choice("kind", self.kind, _KINDS)
        if self.limit <= 0 or rng.random() >= self.probability:
            return np.zeros(count)
        if self.kind == "uniform":
            return rng.uniform(-self.limit, self.limit, count)
        sigma = self.limit if self.sigma is None else self.sigma
        values: Float64 = rng.normal(0, sigma, count)
        while self.kind == "truncated" and (np.abs(values) > self.limit).any():
            beyond = np.abs(values) > self.limit
            values[beyond] = rng.normal(0, sigma, int(beyond.sum()))
        clipped: Float64 = np.clip(values, -self.limit, self.limit)
        return clipped


@dataclass(frozen=True)
class PhotoPlaces:
    """How a bottom-up network's input is laid over a photo.

    Attributes:
        size: (h, w) of the input in pixels.
        person: The longer side of the person that the input is laid around, as a share of the
            input's height, before ``scale``. None: the input is laid around the photo, whose
            shorter side fits it.
        scale: Least and greatest factor on the content's size; the draw is uniform.
        rotation: In degrees.
        shift: In input pixels, x and y each their own.
        flip: Probability of the mirror image.
        border: Grey level outside the photo.
    """

    size: tuple[int, int] = (368, 368)
    person: float | None = 0.6
    scale: tuple[float, float] = (0.5, 1.1)
    rotation: Spread = field(default_factory=lambda: Spread(40.0))
    shift: Spread = field(default_factory=lambda: Spread(40.0))
    flip: float = 0.5
    border: float = 128.0


@dataclass(frozen=True)
class BoxPlaces:
    """How a top-down network's input is laid over a box.

    Attributes:
        size: (h, w) of the input in pixels.
        padding: Factor on the box's sides, after it was widened to the input's aspect ratio.
        scale: Relative change of the box's size; greater shows more of the photo.
        rotation: In degrees.
        shift: Of the box, as a share of its width and height.
        flip: Probability of the mirror image.
        half_body: Probability that the box becomes that of the upper or the lower half, where
            enough keypoints are labelled.
        half_body_keypoints: How many are enough.
        half_body_padding: Factor on the sides of a half's box, in place of ``padding``; both are
            widened to the aspect ratio.
        upper_half: Probability that the half is the upper one, where both have keypoints.
        udp: The map of :func:`heatpose.ops.crop_matrices`.
        border: Grey level outside the photo.
    """

    size: tuple[int, int] = (256, 192)
    padding: float = 1.25
    scale: Spread = field(default_factory=lambda: Spread(0.3, 0.3, "clipped"))
    rotation: Spread = field(default_factory=lambda: Spread(80.0, 40.0, "clipped", 0.6))
    shift: Spread = field(default_factory=Spread)
    flip: float = 0.5
    half_body: float = 0.0
    half_body_keypoints: int = 9
    half_body_padding: float = 1.5
    upper_half: float = 0.7
    udp: bool = False
    border: float = 0.0


def photo_placement(
    scene: Scene, options: PhotoPlaces, rng: np.random.Generator, *, mirrored: bool | None = None
) -> Placement:
    """Lay the input around one of the people, or around the photo where there are none.

    Args:
        scene: In pixels of its photo.
        options: The ranges.
        rng: Where random numbers come from.
        mirrored: True or False in place of a draw.
    """
    height, width = options.size
    factor = rng.uniform(*options.scale)
    turn = np.radians(options.rotation.draw(rng)[0])
    shift = options.shift.draw(rng, 2)
    flip = rng.random() < options.flip
    flip = flip if mirrored is None else mirrored
    chosen = rng.random()
    center = (np.array(scene.size[::-1]) - 1) / 2
    step = min(scene.size) / min(height, width)
    if options.person is not None:
        boxes = person_boxes(scene)
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        boxes, sides = boxes[sides > 1], sides[sides > 1]
        if len(boxes):
            row = int(chosen * len(boxes))
            center = (boxes[row, :2] + boxes[row, 2:]) / 2
            step = sides[row] / (options.person * height)
    linear = step / factor * rotation_matrix(turn) @ np.diag([-1.0 if flip else 1.0, 1.0])
    middle = (np.array([width, height]) - 1) / 2 + shift
    matrix = np.concatenate([linear, (center - linear @ middle)[:, None]], axis=1)
    return Placement(matrix, (height, width), flip)


def fit_placement(photo: tuple[int, int], size: tuple[int, int]) -> Placement:
    """The whole photo in the middle of the input, as large as fits: for validation.

    Args:
        photo: (H, W) of the photo.
        size: (h, w) of the input.
    """
    step = max(photo[0] / size[0], photo[1] / size[1])
    middle, center = (np.array(size[::-1]) - 1) / 2, (np.array(photo[::-1]) - 1) / 2
    matrix = np.array([[step, 0, 0], [0, step, 0]])
    matrix[:, 2] = center - step * middle
    return Placement(matrix, size, False)


def box_placement(
    box: Any,
    options: BoxPlaces,
    rng: np.random.Generator | None,
    *,
    keypoints: Float64 | None = None,
    skeleton: Skeleton | None = None,
    mirrored: bool | None = None,
) -> Placement:
    """Lay the input around the box of a person or a hand.

    Args:
        box: (x1, y1, x2, y2) in pixels of the photo.
        options: The ranges.
        rng: Where random numbers come from; None for the box as it is, as in a test.
        keypoints: [K, 2] of the person, NaN where not labelled; for half bodies.
        skeleton: Of the keypoints; for half bodies.
        mirrored: True or False in place of a draw: networks that know right hands only see the
            mirror image of left ones.

    Returns:
        Placement. Its cells are those of the grid "classic", or "udp", of
        :func:`heatpose.datasets.targets.cells_from_crop`.

    Raises:
        ValueError: the box has no area or is not finite.
    """
    corners = np.asarray(box, np.float64)
    if corners.shape != (4,) or not np.isfinite(corners).all():
        raise ValueError(f"box must be four finite numbers (x1, y1, x2, y2), got {box!r}")
    center, side = (corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]
    if not (side > 0).all():
        raise ValueError(f"box must be (x1, y1, x2, y2) with x2 > x1 and y2 > y1, got {box!r}")
    padding, turn, flip = options.padding, 0.0, bool(mirrored)
    if rng is not None:
        if keypoints is not None and skeleton is not None and rng.random() < options.half_body:
            half = half_body_box(keypoints, skeleton, options, rng)
            if half is not None:
                (center, side), padding = half, options.half_body_padding
        shift = options.shift.draw(rng, 2) * side
        padding *= 1 + options.scale.draw(rng)[0]
        turn = options.rotation.draw(rng)[0]
        draw = rng.random() < options.flip
        flip = draw if mirrored is None else mirrored
        center = center + shift
    height, width = options.size
    wide = max(side[0], side[1] * width / height)
    sides = padding * np.array([wide, wide * height / width])
    matrix = ops.crop_matrices(
        center[None], sides[None], options.size, rotation=turn, pixel_std=1.0, udp=options.udp
    ).photo_from_crop[0]
    if flip:
        # About the middle that the map turns about, as the published programs mirror photo and box.
        edge = width - 1 if options.udp else width
        matrix = matrix @ np.array([[-1.0, 0, edge], [0, 1, 0], [0, 0, 1]])
    return Placement(matrix, (height, width), flip)


def half_body_box(
    keypoints: Float64, skeleton: Skeleton, options: BoxPlaces, rng: np.random.Generator
) -> tuple[Float64, Float64] | None:
    """Centre and (width, height) of the upper or lower half's keypoints; None if too few.

    Faces and hands of whole bodies count with none: what they add lies near the wrists and the
    nose. Source: Simple Baselines' successors (Microsoft's HRNet); mmpose's RandomHalfBody.
    """
    known = np.isfinite(keypoints).all(axis=1)
    if known.sum() < options.half_body_keypoints:
        return None
    upper, lower = (known & half for half in body_halves(skeleton))
    prefer_upper = rng.random() < options.upper_half
    if upper.sum() > 2 and (prefer_upper or lower.sum() <= 2):
        chosen = keypoints[upper]
    elif lower.sum() > 2:
        chosen = keypoints[lower]
    else:
        return None
    side: Float64 = chosen.max(axis=0) - chosen.min(axis=0)
    if not (side > 0).all():
        return None
    return chosen.mean(axis=0), side


_UPPER = {"nose", "head_top", "neck", "eye", "ear", "shoulder", "elbow", "wrist"}
_LOWER = {"hip", "mid_hip", "knee", "ankle", "big_toe", "small_toe", "heel"}


def body_halves(skeleton: Skeleton) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Bool [K] twice: keypoints of the upper and of the lower half, by their names."""
    names = [name.removeprefix("left_").removeprefix("right_") for name in skeleton.keypoints]
    return np.isin(names, list(_UPPER)), np.isin(names, list(_LOWER))


def person_boxes(scene: Scene) -> Float64:
    """Upright boxes [P, 4] around the labelled keypoints of each person; NaN without any."""
    known = scene.labelled[..., None]
    low = np.where(known, scene.keypoints, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, scene.keypoints, -np.inf).max(axis=1, initial=-np.inf)
    boxes = np.concatenate([low, high], axis=1)
    boxes[~scene.labelled.any(axis=1)] = np.nan
    return boxes


def rotation_matrix(angle: float) -> Float64:
    """[2, 2], turns by ``angle`` radians from x towards y."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
