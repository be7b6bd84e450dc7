"""The helpers of controlnet_aux's ``open_pose.util``: boxes and drawing of one person at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.adapters.controlnet_aux.results import BodyResult, Keypoint
from heatpose.adapters.openpose_python import hand_squares, photo_size
from heatpose.adapters.pytorch_openpose.util import (
    COLORS,
    HAND_COLORS,
    check_canvas,
    limb_outline,
    npmax,
    padRightDownCorner,
    transfer,
)
from heatpose.skeletons import COCO18, HAND21

# ruff: noqa: N802, N803

__all__ = [
    "draw_bodypose",
    "draw_facepose",
    "draw_handpose",
    "faceDetect",
    "handDetect",
    "npmax",
    "padRightDownCorner",
    "smart_resize",
    "smart_resize_k",
    "transfer",
]

Image = npt.NDArray[np.uint8]

_NOSE, _RIGHT_EYE, _LEFT_EYE, _RIGHT_EAR, _LEFT_EAR = 0, 14, 15, 16, 17
_LEAST_FACE = 20
_RADIUS, _FACE_RADIUS, _LINE, _STICK = 4, 3, 2, 4


def handDetect(body: BodyResult, oriImg: Any) -> list[tuple[int, int, int, bool]]:
    """Squares in which the hands of a person are looked for.

    Args:
        body: In pixels.
        oriImg: The photo, or its (height, width).

    Returns:
        (x, y, width, is_left) in whole pixels for every hand of at least 20 pixels, left first.

    Raises:
        TypeError: body is no BodyResult, or oriImg no photo.
    """
    row = np.full((1, 20), -1.0)
    places: list[tuple[float, ...]] = []
    for k, keypoint in enumerate(_keypoints_of(body)[:18]):
        if keypoint is not None:
            row[0, k] = len(places)
            places.append((keypoint.x, keypoint.y, 1.0, 0.0))
    squares = hand_squares(np.array(places), row, photo_size("oriImg", oriImg))
    return [(x, y, width, is_left) for x, y, width, is_left in squares]


def faceDetect(body: BodyResult, oriImg: Any) -> tuple[int, int, int] | None:
    """The square in which the face of a person is looked for.

    Its centre is the nose. Half its side is the larger of three times the distance to an eye and
    one and a half times that to an ear, as the larger of both axes. At the right and lower edge it
    is cut as the program cuts it, to what lies beyond the corner.

    Args:
        body: In pixels.
        oriImg: The photo, or its (height, width).

    Returns:
        (x, y, width) in whole pixels; None without a nose, without eyes and ears, or below 20
        pixels.

    Raises:
        TypeError: body is no BodyResult, or oriImg no photo.
        ValueError: fewer than 18 keypoints.
    """
    height, width = photo_size("oriImg", oriImg)
    points = _at_least_18(_keypoints_of(body))
    nose = points[_NOSE]
    reach = [
        share * max(abs(nose.x - point.x), abs(nose.y - point.y))
        for share, part in (
            (3.0, _RIGHT_EYE),
            (3.0, _LEFT_EYE),
            (1.5, _RIGHT_EAR),
            (1.5, _LEFT_EAR),
        )
        if nose is not None and (point := points[part]) is not None
    ]
    if nose is None or not reach:
        return None
    half = max(reach)
    x, y = max(nose.x - half, 0), max(nose.y - half, 0)
    across = width - x if x + half > width else 2 * half
    down = height - y if y + half > height else 2 * half
    side = min(across, down)
    return (int(x), int(y), int(side)) if side >= _LEAST_FACE else None


def draw_bodypose(canvas: Image, keypoints: Sequence[Keypoint | None]) -> Image:
    """Draw a body on a canvas: limbs at 60 % of their colours, then discs.

    Args:
        canvas: uint8 [H, W, 3], which is painted on.
        keypoints: 18, as shares of width and height; None where missing.

    Returns:
        The canvas.

    Raises:
        TypeError: canvas is no array that OpenCV draws on, or there are no keypoints.
        ValueError: fewer than 18 keypoints, one that is not finite, or a canvas of another shape.
    """
    check_canvas(canvas)
    _check_finite(_at_least_18(keypoints))
    height, width = canvas.shape[:2]
    for (a, b), color in zip(COCO18.limbs[:17], COLORS, strict=False):
        start, end = keypoints[a], keypoints[b]
        if start is None or end is None:
            continue
        ends = [(one.x * float(width), one.y * float(height)) for one in (start, end)]
        outline = limb_outline(ends, _STICK)
        cv2.fillConvexPoly(canvas, outline, [int(0.6 * part) for part in color])
    for keypoint, color in zip(keypoints, COLORS, strict=False):
        if keypoint is not None:
            cv2.circle(canvas, _pixel(keypoint, canvas), _RADIUS, color, -1)
    return canvas


def draw_handpose(canvas: Image, keypoints: Sequence[Keypoint] | None) -> Image:
    """Draw a hand on a canvas, which is given back: fingers in the colours of the rainbow.

    Args:
        canvas: uint8 [H, W, 3], which is painted on.
        keypoints: 21, as shares of width and height, negative where missing; None: no hand.

    Raises:
        TypeError: canvas is no array that OpenCV draws on, or a keypoint is None.
        ValueError: another number of keypoints, one that is not finite, or a canvas of another
            shape.
    """
    check_canvas(canvas)
    if not keypoints:
        return canvas
    if len(keypoints) != HAND21.num_keypoints:
        raise ValueError(f"keypoints must be {HAND21.num_keypoints}, got {len(keypoints)}")
    _check_finite(keypoints, missing=False)
    points = [_pixel(keypoint, canvas) for keypoint in keypoints]
    for (a, b), color in zip(HAND21.limbs, HAND_COLORS, strict=True):
        if min(*points[a], *points[b]) > 0:
            cv2.line(canvas, points[a], points[b], color, _LINE)
    _dots(canvas, points, _RADIUS, (0, 0, 255))
    return canvas


def draw_facepose(canvas: Image, keypoints: Sequence[Keypoint] | None) -> Image:
    """Draw the points of a face in white on a canvas, which is given back.

    Args:
        canvas: uint8 [H, W, 3], which is painted on.
        keypoints: As shares of width and height, negative where missing; None: no face.

    Raises:
        TypeError: canvas is no array that OpenCV draws on, or a keypoint is None.
        ValueError: a keypoint that is not finite, or a canvas of another shape.
    """
    check_canvas(canvas)
    if keypoints:
        _check_finite(keypoints, missing=False)
        points = [_pixel(keypoint, canvas) for keypoint in keypoints]
        _dots(canvas, points, _FACE_RADIUS, (255, 255, 255))
    return canvas


def smart_resize(x: npt.NDArray[Any], s: tuple[int, int]) -> npt.NDArray[Any]:
    """Resize a picture or maps: by areas where they shrink, else by LANCZOS4.

    Args:
        x: [H, W] or [H, W, C].
        s: (height, width).

    Returns:
        An array of the same type; of one channel [height, width].

    Raises:
        TypeError: x is no array.
        ValueError: x or s has no pixels.
    """
    height, width = _size_of(x)
    try:
        rows, columns = (int(side) for side in s)
    except (TypeError, ValueError):
        raise ValueError(f"s must be (height, width), got {s!r}") from None
    if rows < 1 or columns < 1:
        raise ValueError(f"s must be (height, width) of 1 or more, got {s!r}")
    return _smartly(x, (rows, columns), (rows + columns) / (height + width))


def smart_resize_k(x: npt.NDArray[Any], fx: float, fy: float) -> npt.NDArray[Any]:
    """:func:`smart_resize` by factors.

    Args:
        x: [H, W] or [H, W, C].
        fx: Of the width.
        fy: Of the height.

    Raises:
        TypeError: x is no array.
        ValueError: x has no pixels, or none would be left.
    """
    height, width = _size_of(x)
    rows, columns = height * fy, width * fx
    if not (rows >= 1 and columns >= 1):
        raise ValueError(f"fx and fy must leave pixels, got {fx} and {fy} for {height} x {width}")
    return _smartly(x, (int(rows), int(columns)), (rows + columns) / (height + width))


def _size_of(x: Any) -> tuple[int, int]:
    if not isinstance(x, np.ndarray):
        raise TypeError(f"x must be an array, got {type(x).__name__}")
    if x.ndim not in (2, 3) or x.size == 0:
        raise ValueError(f"x must be [H, W] or [H, W, C] with pixels, got shape {x.shape}")
    return x.shape[0], x.shape[1]


def _smartly(x: npt.NDArray[Any], size: tuple[int, int], factor: float) -> npt.NDArray[Any]:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LANCZOS4
    if x.ndim == 2 or x.shape[2] in (1, 3):
        return np.asarray(cv2.resize(x, size[::-1], interpolation=way))
    planes = [cv2.resize(plane, size[::-1], interpolation=way) for plane in np.moveaxis(x, -1, 0)]
    return np.stack(planes, axis=-1)


def _keypoints_of(body: Any) -> Any:
    if not isinstance(body, BodyResult) and not hasattr(body, "keypoints"):
        raise TypeError(f"body must be a BodyResult, got {type(body).__name__}")
    return body.keypoints


def _at_least_18(keypoints: Any) -> Any:
    if keypoints is None:
        raise TypeError("keypoints must be a list, got None")
    if len(keypoints) < COCO18.num_keypoints:
        raise ValueError(f"keypoints must be {COCO18.num_keypoints}, got {len(keypoints)}")
    return keypoints


def _check_finite(keypoints: Sequence[Keypoint | None], *, missing: bool = True) -> None:
    for one in keypoints:
        if one is None and not missing:
            raise TypeError("keypoints must not be None: missing ones lie at negative places")
        if one is not None and not (math.isfinite(one.x) and math.isfinite(one.y)):
            raise ValueError(f"keypoints must be finite, got {one}")


def _dots(
    canvas: Image, points: list[tuple[int, int]], radius: int, color: tuple[int, int, int]
) -> None:
    for point in points:
        if min(point) > 0:
            cv2.circle(canvas, point, radius, color, -1)


def _pixel(keypoint: Keypoint, canvas: Image) -> tuple[int, int]:
    return int(keypoint.x * canvas.shape[1]), int(keypoint.y * canvas.shape[0])
