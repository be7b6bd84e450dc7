"""The helpers of pytorch-openpose's ``util``: padding, hand boxes, drawing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.adapters.openpose_python import hand_squares, photo_size
from heatpose.skeletons import COCO18, HAND21
from heatpose.skeletons.skeleton import hue

# ruff: noqa: N802, N803

COLORS = [hue(k / 18, saturation=1.0) for k in range(18)]
HAND_COLORS = [hue(k / 20, saturation=1.0) for k in range(20)]
_DRAWN_LIMBS = COCO18.limbs[:17]
_RADIUS, _LINE, _DOT, _RED, _FONT = 4, 2, 2, (255, 0, 0), cv2.FONT_HERSHEY_SIMPLEX


def padRightDownCorner(
    img: npt.NDArray[Any], stride: int, padValue: float
) -> tuple[npt.NDArray[Any], list[int]]:
    """Pad a picture right and down to multiples of the stride.

    Args:
        img: [H, W, C].
        stride: At least 1.
        padValue: What the new pixels hold.

    Returns:
        The padded picture, a new array of the same type, and [up, left, down, right] in pixels.

    Raises:
        TypeError: no array.
        ValueError: stride below 1.
    """
    if not isinstance(img, np.ndarray):
        raise TypeError(f"img must be an array, got {type(img).__name__}")
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    down, right = -img.shape[0] % stride, -img.shape[1] % stride
    edges = ((0, down), (0, right), *((0, 0),) * (img.ndim - 2))
    return np.pad(img, edges, constant_values=padValue), [0, 0, down, right]


def npmax(array: npt.NDArray[Any]) -> tuple[Any, Any]:
    """(row, column) of the largest value of a map [H, W], the first in raster order.

    Raises:
        TypeError: no array.
        ValueError: a map without pixels.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"array must be an array, got {type(array).__name__}")
    if array.size == 0:
        raise ValueError(f"array must have pixels, got shape {array.shape}")
    row, column = np.unravel_index(np.argmax(array), array.shape)
    return row, column


def transfer(model: Any, model_weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights by their flat names as a state dict of a model whose layers lie in blocks.

    Args:
        model: A module, or anything with ``state_dict()``.
        model_weights: ``conv1_1.weight`` and so on.

    Raises:
        KeyError: a weight is missing.
        ValueError: the model's layers lie in no blocks.
    """
    for name in model.state_dict():
        if "." not in name.removesuffix(".weight").removesuffix(".bias"):
            raise ValueError(f"{name}: its layers lie in no blocks")
    return {name: model_weights[name.split(".", 1)[1]] for name in model.state_dict()}


def handDetect(
    candidate: npt.NDArray[Any], subset: npt.NDArray[Any], oriImg: Any
) -> list[list[Any]]:
    """Squares in which hands are looked for.

    Args:
        candidate: [P, 4] of ``Body``.
        subset: [n, 20] of ``Body``.
        oriImg: The photo, or its (height, width).

    Returns:
        [x, y, width, is_left] in whole pixels for every hand of at least 20 pixels, in the order of
        the people, left before right.

    Raises:
        ValueError: the subset names a peak that candidate has not.
    """
    return hand_squares(candidate, subset, photo_size("oriImg", oriImg))


def draw_bodypose(
    canvas: npt.NDArray[np.uint8],
    candidate: npt.NDArray[Any],
    subset: npt.NDArray[Any],
    *,
    stickwidth: int = 4,
    colors: Sequence[Sequence[int]] = COLORS,
    limbs: Sequence[Sequence[int]] = _DRAWN_LIMBS,
) -> npt.NDArray[np.uint8]:
    """Draw keypoints as discs and limbs as ellipses, each limb over the last at 60 %.

    Args:
        canvas: uint8 [H, W, 3]; it is left as it is.
        candidate: [P, 4].
        subset: [n, 20].
        stickwidth: Half the width of a limb.
        colors: Of the 18 keypoints, and of the limbs.
        limbs: Pairs of keypoints, from 0.

    Returns:
        A new picture.

    Raises:
        TypeError: canvas is no array that OpenCV draws on.
        ValueError: an array has another shape, or subset names a peak that candidate has not.
    """
    check_canvas(canvas)
    picture = np.array(canvas, order="C")
    check_people(candidate, subset)
    rows = np.asarray(subset).reshape(-1, 20)[:, :18].astype(int)
    for keypoint, color in enumerate(colors[: rows.shape[1]]):
        for index in rows[:, keypoint]:
            if index >= 0:
                x, y = candidate[index][:2]
                cv2.circle(picture, (int(x), int(y)), _RADIUS, tuple(color), -1)
    for limb, color in zip(limbs, colors, strict=False):
        for ends in rows[:, list(limb)]:
            if (ends >= 0).all():
                _blend_limb(picture, candidate[ends, :2], color, stickwidth)
    return picture


def limb_outline(ends: Any, stickwidth: int) -> Any:
    """The ellipse around a limb between two (x, y), int32 [n, 2]; its half width is given."""
    (x1, y1), (x2, y2) = ends
    length = ((y1 - y2) ** 2 + (x1 - x2) ** 2) ** 0.5
    angle = int(math.degrees(math.atan2(y1 - y2, x1 - x2)))
    middle = int((x1 + x2) / 2), int((y1 + y2) / 2)
    return np.asarray(cv2.ellipse2Poly(middle, (int(length / 2), stickwidth), angle, 0, 360, 1))


def _blend_limb(
    picture: npt.NDArray[np.uint8], ends: Any, color: Sequence[int], stickwidth: int
) -> None:
    """Lay an ellipse over the pixels around it; all others would stay as they are."""
    outline = limb_outline(np.asarray(ends, np.float64), stickwidth)
    low = np.maximum(outline.min(axis=0), 0)
    high = np.minimum(outline.max(axis=0) + 1, picture.shape[1::-1])
    if (low >= high).any():
        return
    window = picture[low[1] : high[1], low[0] : high[0]]
    painted = window.copy()
    cv2.fillConvexPoly(painted, outline - low, tuple(color))
    window[:] = cv2.addWeighted(window, 0.4, painted, 0.6, 0)


def draw_handpose(
    canvas: npt.NDArray[np.uint8],
    all_hand_peaks: Any,
    show_number: bool = False,
    *,
    edges: Sequence[Sequence[int]] = HAND21.limbs,
) -> npt.NDArray[np.uint8]:
    """Draw the fingers in the colours of the rainbow and the keypoints in red.

    Drawn by OpenCV at the size of the photo, where the program asks Matplotlib for a figure of
    another size. Keypoints at (0, 0), which are missing, are not drawn.

    Args:
        canvas: uint8 [H, W, 3]; it is left as it is. Colours are those of the channel order RGB.
        all_hand_peaks: [21, 2] of each hand.
        show_number: Write the number of each keypoint.
        edges: Pairs of keypoints to join.

    Returns:
        A new picture.

    Raises:
        TypeError: canvas is no array that OpenCV draws on, or all_hand_peaks no list.
        ValueError: an array has another shape, or is not finite.
    """
    check_canvas(canvas)
    picture = np.array(canvas, order="C")
    _check_hands(all_hand_peaks)
    colors = [hue(k / len(edges), saturation=1.0) for k in range(len(edges))]
    for peaks in all_hand_peaks:
        points = [(int(x), int(y)) for x, y in peaks]
        for (a, b), color in zip(edges, colors, strict=True):
            if all(points[a]) and all(points[b]):
                cv2.line(picture, points[a], points[b], color, _LINE, cv2.LINE_AA)
        for number, point in enumerate(points):
            if any(point):
                cv2.circle(picture, point, _DOT, _RED, -1)
                if show_number:
                    cv2.putText(
                        picture, str(number), point, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0,) * 3
                    )
    return picture


def check_canvas(canvas: Any) -> None:
    """Make sure that OpenCV can draw on a picture.

    Raises:
        TypeError: no array of uint8 or floats.
        ValueError: another shape than [H, W], [H, W, 3] or [H, W, 4].
    """
    kind = getattr(canvas, "dtype", None)
    if not isinstance(canvas, np.ndarray) or kind not in (np.uint8, np.float32, np.float64):
        given = type(canvas).__name__ if kind is None else kind
        raise TypeError(f"canvas must be an array of uint8 or floats, got {given}")
    if canvas.ndim not in (2, 3) or (canvas.ndim == 3 and canvas.shape[2] not in (3, 4)):
        raise ValueError(f"canvas must be [H, W, 3], got shape {canvas.shape}")


def check_people(candidate: Any, subset: Any) -> None:
    """Make sure that a subset and a candidate fit each other.

    Raises:
        ValueError: another shape, or subset names a peak that candidate has not.
    """
    rows, table = np.asarray(subset), np.asarray(candidate)
    if rows.size and (rows.ndim != 2 or rows.shape[1] != 20):
        raise ValueError(f"subset must have shape (n, 20), got {rows.shape}")
    if table.size and (table.ndim != 2 or table.shape[1] != 4):
        raise ValueError(f"candidate must have shape (P, 4), got {table.shape}")
    most = int(rows[:, :18].max()) if rows.size else -1
    if most >= len(table):
        raise ValueError(f"subset names peak {most}, candidate has {len(table)}")


def _check_hands(all_hand_peaks: Any) -> None:
    if not isinstance(all_hand_peaks, (list, tuple, np.ndarray)):
        given = type(all_hand_peaks).__name__
        raise TypeError(f"all_hand_peaks must be a list of arrays, got {given}")
    for i, peaks in enumerate(all_hand_peaks):
        places = np.asarray(peaks, np.float64)
        if places.shape != (HAND21.num_keypoints, 2):
            raise ValueError(f"all_hand_peaks[{i}] must have shape (21, 2), got {places.shape}")
        if not np.isfinite(places).all():
            raise ValueError(f"all_hand_peaks[{i}] must be finite")
