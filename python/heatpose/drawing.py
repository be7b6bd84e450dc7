"""Drawing people on photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.media import Image, check_image
from heatpose.results import People, Person
from heatpose.skeletons import Skeleton
from heatpose.skeletons.skeleton import Color, hue

ColorBy = Literal["limb", "person"]
Points = NDArray[np.float64]

# OpenCV takes coordinates in 1/16 pixel; far beyond the picture it would overflow its integers.
_SHIFT = 4
_FAR = 1 << 20

_CAP_CORNERS = 9  # of a half circle; more cannot be seen at the widths that limbs have
_DISC_CORNERS = 20
_OUTLINE = (28, 24, 22)  # BGR, nearly black: keeps colours apart from any photo behind them
_WHITE = (255, 255, 255)
_STRETCH = 0.02  # of the aspect ratio; more cannot come from rounding a photo's size


@dataclass(frozen=True)
class _Style:
    """The settings of one call, in pixels of the picture."""

    limb_width: float | None
    keypoint_radius: float | None
    alpha: float
    threshold: float
    scores: bool
    boxes: bool
    color_by: ColorBy


def draw_people(
    image: Image,
    people: People,
    *,
    limb_width: float | None = None,
    keypoint_radius: float | None = None,
    alpha: float = 0.85,
    threshold: float = 0.0,
    scores: bool = False,
    boxes: bool = False,
    color_by: ColorBy = "limb",
) -> Image:
    """Draw people on a copy of a photo: limbs as tapered capsules, keypoints as rimmed dots.

    The best person is drawn last, on top. Limbs that only close a loop of the skeleton
    (``Skeleton.non_starting_limbs``) are left out. Points may lie outside the picture.

    Args:
        image: uint8 [H, W, 3] BGR. Not changed. Of another size than ``people.canvas``, the people
            are scaled to it; its aspect ratio must be the canvas's.
        people: Whom to draw.
        limb_width: Width of a limb in pixels. Default: grows with the person.
        keypoint_radius: Radius of a keypoint in pixels, 0 for none. Default: grows with the person.
        alpha: Opacity of the people, 0..1.
        threshold: Keypoints that score less are not drawn, nor are their limbs.
        scores: Whether to write each person's score over the head.
        boxes: Whether to draw a box around each person.
        color_by: ``"limb"`` takes the skeleton's colours, ``"person"`` one colour per person.

    Returns:
        uint8 [H, W, 3] BGR.

    Raises:
        TypeError: image is not a uint8 array, or people are not ``People``.
        ValueError: image of another shape or aspect ratio, or a setting out of range.
    """
    check_image(image)
    if not isinstance(people, People):
        raise TypeError(f"people must be People, got {type(people).__name__}")
    _check_aspect(image, people)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be 0..1, got {alpha}")
    for name, value in (("limb_width", limb_width), ("keypoint_radius", keypoint_radius)):
        if value is not None and not 0 <= value < 1000:
            raise ValueError(f"{name} must be 0..1000 pixels, got {value}")
    if color_by not in ("limb", "person"):
        raise ValueError(f"color_by must be 'limb' or 'person', got {color_by!r}")
    style = _Style(limb_width, keypoint_radius, alpha, threshold, scores, boxes, color_by)
    picture = np.array(image, order="C")
    for rank in reversed(range(len(people))):
        _draw_person(picture, people[rank], rank, style)
    return picture


def _check_aspect(image: Image, people: People) -> None:
    """Refuse to stretch people; a pixel of rounding is allowed, which shows in small pictures."""
    height, width = image.shape[:2]
    canvas_height, canvas_width = people.canvas
    off = abs(height * canvas_width - width * canvas_height)
    rounding = max(canvas_height, canvas_width)
    if off > max(_STRETCH * height * canvas_width, rounding):
        raise ValueError(
            f"image is {height} x {width} pixels (height x width), but the people's canvas is "
            f"{canvas_height} x {canvas_width}: they would be stretched; "
            "is (height, width) swapped somewhere?"
        )


def _draw_person(picture: Image, person: Person, rank: int, style: _Style) -> None:
    points = _on_picture(person, picture)
    shown = person.visible & (person.scores >= style.threshold)
    if not shown.any():
        return
    own = _own_color(rank)
    skeleton = _recolored(person.skeleton, own) if style.color_by == "person" else person.skeleton
    size = person_size(points, shown, skeleton)
    limb_width = (
        float(np.clip(0.12 * size, 2, 40)) if style.limb_width is None else style.limb_width
    )
    limbs = _drawn_limbs(skeleton, shown)
    widths = _limb_widths(points, limbs, limb_width)
    radii = _keypoint_radii(skeleton, limbs, widths, limb_width, style.keypoint_radius)
    margin = float(limb_width + radii[shown].max() + 3)
    window = _window(picture, points[shown], margin)
    if window is not None:
        _draw_figure(picture, window, points, shown, limbs, widths, radii, skeleton, style.alpha)

    # One colour per person even where limbs have theirs: tells which box and label are whose.
    if style.boxes:
        _box(picture, points[shown], margin, _bgr(own))
    if style.scores:
        _label(picture, points[shown], _format_score(person.score), size, _bgr(own))


def _draw_figure(
    picture: Image,
    window: tuple[slice, slice, Points],
    points: Points,
    shown: NDArray[np.bool_],
    limbs: dict[int, tuple[int, int]],
    widths: Points,
    radii: Points,
    skeleton: Skeleton,
    alpha: float,
) -> None:
    rows, columns, origin = window
    # Everything goes opaque onto a copy of the person's window, which is then blended once: limbs
    # that cross do not add up, and pixels that nothing was drawn on keep their value.
    background = picture[rows, columns]
    layer = background.copy()
    local = points - origin

    pairs = np.array(list(limbs.values()), int).reshape(-1, 2)
    starts, ends = local[pairs[:, 0]], local[pairs[:, 1]]
    thick, thin = 0.5 * widths, 0.36 * widths
    rim = np.maximum(0.8, 0.1 * widths)
    for outline in _capsules(starts, ends, thick + rim, thin + rim):
        _fill(layer, outline, _OUTLINE)
    for limb, body in zip(limbs, _capsules(starts, ends, thick, thin), strict=True):
        _fill(layer, body, _bgr(skeleton.limb_colors[limb]))

    dots = np.flatnonzero(shown & (radii > 0))
    centers, reach = local[dots], radii[dots]
    # Small dots keep their colour: rims would leave nothing of it.
    rim = np.clip(0.2 * (reach - 1.5), 0, 0.14 * reach)
    rings = zip(
        dots,
        _discs(centers, reach + np.maximum(0.7, 0.12 * reach)),
        _discs(centers, reach),
        _discs(centers, reach - rim),
        strict=True,
    )
    for k, outline, white, inner in rings:
        _fill(layer, outline, _OUTLINE)
        _fill(layer, white, _WHITE)
        _fill(layer, inner, _bgr(skeleton.keypoint_colors[k]))
    cv2.addWeighted(layer, alpha, background, 1 - alpha, 0, dst=background)


def person_size(points: Points, shown: NDArray[np.bool_], skeleton: Skeleton) -> float:
    """A length in pixels that follows a person's size, whichever part of it is seen.

    The mean of the limb lengths weighted by themselves: long limbs count, the many short ones of
    faces and hands hardly do. Without a limb, a quarter of the extent of the keypoints.
    """
    pairs = np.array([limb for limb in skeleton.limbs if shown[list(limb)].all()], int)
    if len(pairs):
        lengths: Points = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
        if lengths.sum() > 0:
            return float((lengths**2).sum() / lengths.sum())
    extent = points[shown].max(axis=0) - points[shown].min(axis=0)
    return float(extent.max()) / 4


def _drawn_limbs(skeleton: Skeleton, shown: NDArray[np.bool_]) -> dict[int, tuple[int, int]]:
    """Index and keypoints of the limbs with both ends shown, without those that close a loop."""
    return {
        index: (a, b)
        for index, (a, b) in enumerate(skeleton.limbs)
        if shown[a] and shown[b] and index not in skeleton.non_starting_limbs
    }


def _limb_widths(points: Points, limbs: dict[int, tuple[int, int]], limb_width: float) -> Points:
    """Width per limb: short limbs are thinner, so that faces and fingers stay legible."""
    pairs = np.array(list(limbs.values()), int).reshape(-1, 2)
    lengths = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    widths: Points = np.clip(0.3 * lengths, max(0.45 * limb_width, 1.0), None)
    return np.minimum(widths, limb_width)


def _keypoint_radii(
    skeleton: Skeleton,
    limbs: dict[int, tuple[int, int]],
    widths: Points,
    limb_width: float,
    keypoint_radius: float | None,
) -> Points:
    """Radius per keypoint: that of the widest limb that ends there, and a bit more."""
    if keypoint_radius is not None:
        return np.full(skeleton.num_keypoints, float(keypoint_radius))
    radii = np.zeros(skeleton.num_keypoints)
    for limb, width in zip(limbs.values(), widths, strict=True):
        for k in limb:
            radii[k] = max(radii[k], 0.6 * width)
    # Alone because the limb's other end is missing, or, as in a face, because there is no limb.
    connected = np.isin(np.arange(skeleton.num_keypoints), np.array(skeleton.limbs))
    alone = np.where(connected, 0.5, 0.14) * limb_width
    return np.maximum(np.where(radii > 0, radii, alone), 1.0)


def _capsules(starts: Points, ends: Points, start_radii: Points, end_radii: Points) -> Points:
    """[L, C, 2] convex outlines, each of two discs and what lies between them."""
    angles = np.arctan2(ends[:, 1] - starts[:, 1], ends[:, 0] - starts[:, 0])
    half_turn = np.linspace(0.5 * np.pi, 1.5 * np.pi, _CAP_CORNERS)
    arcs = [
        centers[:, None] + radii[:, None, None] * _directions(turn[:, None] + half_turn)
        for centers, radii, turn in (
            (starts, start_radii, angles),
            (ends, end_radii, angles + np.pi),
        )
    ]
    return np.concatenate(arcs, axis=1)


def _discs(centers: Points, radii: Points) -> Points:
    """[K, C, 2] regular outlines; cv2.circle is not round where it is small."""
    turn = np.linspace(0, 2 * np.pi, _DISC_CORNERS, endpoint=False)
    return centers[:, None] + radii[:, None, None] * _directions(turn)


def _directions(angles: Points) -> Points:
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _fill(layer: Image, corners: Points, color: tuple[int, int, int]) -> None:
    cv2.fillConvexPoly(layer, _fixed(corners), color, cv2.LINE_AA, _SHIFT)


def _box(picture: Image, shown: Points, margin: float, color: tuple[int, int, int]) -> None:
    low = _fixed(shown.min(axis=0) - margin)
    high = _fixed(shown.max(axis=0) + margin)
    corners = (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))
    for paint, thickness in ((_OUTLINE, 4), (color, 2)):
        cv2.rectangle(picture, *corners, paint, thickness, cv2.LINE_AA, _SHIFT)


def _label(
    picture: Image, shown: Points, text: str, size: float, color: tuple[int, int, int]
) -> None:
    """A dark pill with light text, over the highest keypoint and inside the picture."""
    height, width = picture.shape[:2]
    scale = float(np.clip(size / 150, 0.45, 0.9))
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(1.4 * scale))
    # Width from the text, height from the scale: what getTextSize calls height differs by version.
    text_width = cv2.getTextSize(text, font, scale, stroke)[0][0]
    text_height = 21 * scale
    pill_width, pill_height = text_width + 1.3 * text_height, 1.9 * text_height
    top = shown[int(shown[:, 1].argmin())]
    left = np.clip(top[0] - pill_width / 2, 1, max(1, width - pill_width - 2))
    upper = np.clip(top[1] - 0.35 * size - pill_height, 1, max(1, height - pill_height - 2))
    x, y = round(float(left)), round(float(upper))
    patch = picture[y : y + round(pill_height) + 1, x : x + round(pill_width) + 1]
    if not patch.size:
        return
    layer = patch.copy()
    radius = pill_height / 2
    ends = np.array([[[radius, radius]], [[pill_width - radius, radius]]])
    (pill,) = _capsules(*ends, *np.full((2, 1), radius))
    _fill(layer, pill, _OUTLINE)
    cv2.addWeighted(layer, 0.78, patch, 0.22, 0, dst=patch)
    baseline = (
        round(x + (pill_width - text_width) / 2),
        round(y + (pill_height + text_height) / 2),
    )
    cv2.putText(picture, text, baseline, font, scale, _lightened(color), stroke, cv2.LINE_AA)


def _format_score(score: float) -> str:
    return f"{score:.1f}" if abs(score) >= 10 else f"{score:.2f}"


def _on_picture(person: Person, picture: Image) -> Points:
    """[K, 2] keypoints in pixels of the picture, kept within what OpenCV can count."""
    height, width = person.canvas
    scale = np.array([picture.shape[1] / width, picture.shape[0] / height])
    points: Points = (person.keypoints.astype(np.float64) + 0.5) * scale - 0.5
    return points.clip(-_FAR, _FAR)


def _window(picture: Image, shown: Points, margin: float) -> tuple[slice, slice, Points] | None:
    """Rows, columns and (x, y) origin of the part of the picture that is drawn on."""
    height, width = picture.shape[:2]
    low = np.floor(shown.min(axis=0) - margin).clip(0)
    high = np.ceil(shown.max(axis=0) + margin).clip(None, [width - 1, height - 1])
    if (low > high).any():
        return None
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    return slice(top, bottom + 1), slice(left, right + 1), low


def _own_color(rank: int) -> Color:
    """A person's colour; neighbours in rank are far apart on the colour circle."""
    return hue(0.58 + 0.618034 * rank, saturation=0.65)


def _recolored(skeleton: Skeleton, color: Color) -> Skeleton:
    """The skeleton in one colour."""
    colors: dict[str, Any] = {
        "keypoint_colors": (color,) * skeleton.num_keypoints,
        "limb_colors": (color,) * len(skeleton.limbs),
    }
    return replace(skeleton, **colors)


def _lightened(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Most of the way to white: thin strokes need it on a dark ground, whatever the hue."""
    first, second, third = (round(255 - 0.35 * (255 - value)) for value in color)
    return first, second, third


def _bgr(color: Color) -> tuple[int, int, int]:
    red, green, blue = color
    return blue, green, red


def _fixed(points: Points) -> NDArray[np.int32]:
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)
