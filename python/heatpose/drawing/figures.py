"""What is drawn of a person, and how wide: a body's limbs, the fine lines of a face or a hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heatpose.drawing.shapes import Points
from heatpose.drawing.style import Style
from heatpose.skeletons import Skeleton

Mask = NDArray[np.bool_]
Limbs = dict[int, tuple[int, int]]

# The body's own points that lie among those of a face.
_INSIDE_A_FACE = ("nose", "left_eye", "right_eye")


@dataclass(frozen=True)
class Figure:
    """One part of a person, laid out in pixels of the picture.

    Attributes:
        points: float64 [K, 2], (x, y) of every keypoint of the skeleton.
        shown: bool [K], the keypoints that are drawn.
        limbs: Index in the skeleton and keypoints of each limb that is drawn.
        limb_width: The most that a limb is wide.
        widths: float64 [L], of the limbs.
        radii: float64 [K], of the keypoints' dots, 0 for none.
        fine: Whether lines may be thinner than a pixel.
    """

    points: Points
    shown: Mask
    limbs: Limbs
    limb_width: float
    widths: Points
    radii: Points
    fine: bool

    @property
    def reach(self) -> float:
        """How far the drawing may go beyond its points, in pixels."""
        return float(self.limb_width + self.radii[self.shown].max() + 3)


def lay_out(skeleton: Skeleton, points: Points, shown: Mask, style: Style) -> list[Figure]:
    """Choose what is drawn of a person, and how wide.

    Args:
        skeleton: Its parts say what is a face or a hand; all else is the body.
        points: [K, 2] in pixels of the picture.
        shown: [K], the keypoints to draw.
        style: The settings. Where a body is shown they are its own, and the lines of its face and
            hands get wider or narrower in the same measure.

    Returns:
        The figures, lowest first: the body, the face, the hands; those of them that are shown.
    """
    parts = _fine_parts(skeleton, shown)
    body = shown & ~np.any([np.zeros_like(shown), *parts.values()], axis=0)
    figures = []
    width, measure, radius = style.limb_width, 1.0, style.keypoint_radius
    if body.any():
        usual = float(np.clip(0.12 * person_size(points, body, skeleton), 2, 40))
        limb_width = usual if width is None else width
        face = "face" in parts and shown[skeleton.part("face")].mean() >= 0.5
        figures.append(_body(skeleton, points, body, limb_width, radius, face=face))
        width, measure, radius = None, limb_width / usual, 0.0 if radius == 0 else None
    for name, part in parts.items():
        lay = _face if name == "face" else _hand
        figures.append(lay(skeleton, points, part, width, measure, radius))
    return figures


def person_size(points: Points, shown: Mask, skeleton: Skeleton) -> float:
    """A length in pixels that follows a person's size, whichever part of it is seen.

    The mean of the limb lengths weighted by themselves: long limbs count, the many short ones of
    faces and hands hardly do. Without a limb, a quarter of the extent of the keypoints.
    """
    pairs = np.array([limb for limb in skeleton.limbs if shown[list(limb)].all()], int)
    if len(pairs):
        lengths: Points = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
        if lengths.sum() > 0:
            return float((lengths**2).sum() / lengths.sum())
    return _extent(points[shown]) / 4


def _body(
    skeleton: Skeleton,
    points: Points,
    shown: Mask,
    limb_width: float,
    radius: float | None,
    *,
    face: bool,
) -> Figure:
    limbs = _drawn_limbs(skeleton, shown)
    inside: list[int] = []
    if face:
        # A face has lines of its own: limbs and large dots across it would hide them.
        inside = [k for k, name in enumerate(skeleton.keypoints) if name in _INSIDE_A_FACE]
        limbs = {index: limb for index, limb in limbs.items() if not set(limb) & set(inside)}
    widths = _limb_widths(points, limbs, limb_width)
    radii = _keypoint_radii(skeleton, limbs, widths, limb_width, radius)
    radii[inside] = np.minimum(radii[inside], 0.22 * limb_width)
    return Figure(points, shown, limbs, limb_width, widths, radii, fine=False)


def _hand(
    skeleton: Skeleton,
    points: Points,
    shown: Mask,
    limb_width: float | None,
    measure: float,
    radius: float | None,
) -> Figure:
    if limb_width is None:
        # Of the bones of the palm, which keep their length in a fist.
        limb_width = measure * min(0.6 + 0.055 * person_size(points, shown, skeleton), 16)
    limbs = _drawn_limbs(skeleton, shown)
    widths = np.full(len(limbs), limb_width)
    radii = np.full(len(shown), 0.7 * limb_width if radius is None else radius)
    return Figure(points, shown, limbs, limb_width, widths, radii, fine=True)


def _face(
    skeleton: Skeleton,
    points: Points,
    shown: Mask,
    limb_width: float | None,
    measure: float,
    radius: float | None,
) -> Figure:
    if limb_width is None:
        limb_width = measure * min(0.3 + 0.008 * _extent(points[shown]), 4)
    limbs = _drawn_limbs(skeleton, shown)
    widths = np.full(len(limbs), limb_width)
    if radius is None:
        # Pupils, and points that have lost their neighbours, are on no line.
        alone = ~np.isin(np.arange(len(shown)), list(limbs.values()))
        radii = np.where(alone, 1.2, 0.8) * limb_width
    else:
        radii = np.full(len(shown), radius)
    return Figure(points, shown, limbs, limb_width, widths, radii, fine=True)


def _fine_parts(skeleton: Skeleton, shown: Mask) -> dict[str, Mask]:
    """The keypoints shown of the face and of each hand, the face first; parts of none left out."""
    fine = {}
    for name, (first, end) in sorted(skeleton.parts, key=lambda part: part[0] != "face"):
        part = np.zeros_like(shown)
        part[first:end] = shown[first:end]
        if part.any() and (name == "face" or name.endswith("hand")):
            fine[name] = part
    return fine


def _drawn_limbs(skeleton: Skeleton, shown: Mask) -> Limbs:
    """Index and keypoints of the limbs with both ends shown, without those that close a loop."""
    return {
        index: (a, b)
        for index, (a, b) in enumerate(skeleton.limbs)
        if shown[a] and shown[b] and index not in skeleton.non_starting_limbs
    }


def _limb_widths(points: Points, limbs: Limbs, limb_width: float) -> Points:
    """Width per limb: short limbs are thinner, so that heads and feet stay legible."""
    pairs = np.array(list(limbs.values()), int).reshape(-1, 2)
    lengths = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    widths: Points = np.clip(0.3 * lengths, max(0.45 * limb_width, 1.0), None)
    return np.minimum(widths, limb_width)


def _keypoint_radii(
    skeleton: Skeleton, limbs: Limbs, widths: Points, limb_width: float, radius: float | None
) -> Points:
    """Radius per keypoint: that of the widest limb that ends there, and a bit more."""
    if radius is not None:
        return np.full(skeleton.num_keypoints, float(radius))
    radii = np.zeros(skeleton.num_keypoints)
    for limb, width in zip(limbs.values(), widths, strict=True):
        for k in limb:
            radii[k] = max(radii[k], 0.6 * width)
    # Alone because the limb's other end is missing, or, as in a face, because there is no limb.
    connected = np.isin(np.arange(skeleton.num_keypoints), np.array(skeleton.limbs))
    alone = np.where(connected, 0.5, 0.14) * limb_width
    return np.maximum(np.where(radii > 0, radii, alone), 1.0)


def _extent(points: Points) -> float:
    """The longer side of the box around [N, 2] points."""
    return float((points.max(axis=0) - points.min(axis=0)).max())
