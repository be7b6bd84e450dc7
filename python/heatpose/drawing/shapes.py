"""Outlines, and filling them on a picture with parts of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from heatpose.media import Image
from heatpose.skeletons.skeleton import Color

Points = NDArray[np.float64]
BGR = tuple[int, int, int]

OUTLINE: BGR = (28, 24, 22)  # nearly black: keeps colours apart from any photo behind them
WHITE: BGR = (255, 255, 255)

# OpenCV takes coordinates in 1/16 pixel; far beyond the picture it would overflow its integers.
_SHIFT = 4
_FAR = 1 << 20

_CAP_CORNERS = 9  # of a half circle; more cannot be seen at the widths that limbs have
_DISC_CORNERS = 20


def capsules(starts: Points, ends: Points, start_radii: Points, end_radii: Points) -> Points:
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


def discs(centers: Points, radii: Points) -> Points:
    """[K, C, 2] regular outlines; cv2.circle is not round where it is small."""
    turn = np.linspace(0, 2 * np.pi, _DISC_CORNERS, endpoint=False)
    return centers[:, None] + radii[:, None, None] * _directions(turn)


def _directions(angles: Points) -> Points:
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def fill(layer: Image, corners: Points, color: BGR) -> None:
    """Fill one convex outline of [C, 2] (x, y)."""
    cv2.fillConvexPoly(layer, _fixed(corners), color, cv2.LINE_AA, _SHIFT)


def frame(picture: Image, box: Points, color: BGR, thickness: int = 2) -> None:
    """Draw a box (x1, y1, x2, y2) with a dark rim."""
    # Of a line of one pixel, parts of pixels would leave no colour.
    shift = _SHIFT if thickness > 1 else 0
    corners = _fixed(box.clip(-_FAR, _FAR), shift).tolist()
    for paint, width in ((OUTLINE, thickness + 2), (color, thickness)):
        line = cv2.LINE_AA if shift else cv2.LINE_8
        cv2.rectangle(picture, corners[:2], corners[2:], paint, width, line, shift)


def window(image: Image, points: Points, margin: float) -> tuple[slice, slice, Points] | None:
    """Rows, columns and (x, y) origin of what is drawn on; None where that is outside."""
    height, width = image.shape[:2]
    low = np.floor(points.min(axis=0) - margin).clip(0)
    high = np.ceil(points.max(axis=0) + margin).clip(None, [width - 1, height - 1])
    if (low > high).any():
        return None
    (left, top), (right, bottom) = low.astype(int), high.astype(int)
    return slice(top, bottom + 1), slice(left, right + 1), low


def on_picture(points: NDArray[np.float32], canvas: tuple[int, int], picture: Image) -> Points:
    """[..., 2] points of a canvas in pixels of the picture, kept within what OpenCV can count."""
    height, width = canvas
    scale = np.array([picture.shape[1] / width, picture.shape[0] / height])
    answer: Points = (points.astype(np.float64) + 0.5) * scale - 0.5
    return answer.clip(-_FAR, _FAR)


def bgr(color: Color) -> BGR:
    """The colour in OpenCV's order."""
    red, green, blue = color
    return blue, green, red


def _fixed(points: Points, shift: int = _SHIFT) -> NDArray[np.int32]:
    return np.rint(points * (1 << shift)).astype(np.int32)
