"""The photo as the detectors' networks want it, and the way back for their boxes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from heatpose.results import Boxes

Image = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_PAD = 114


def letterbox(image: Image, size: tuple[int, int]) -> tuple[Image, float]:
    """Shrink or enlarge a photo until it just fits, top left on a grey canvas.

    Args:
        image: uint8 [H, W, 3].
        size: (h, w) of the canvas in pixels.

    Returns:
        uint8 [h, w, 3], with 114 where the photo does not reach, and the ratio by which the photo
        was resized: canvas pixel = ratio * photo pixel, edges counted from the top left corner.

    Source: the test-time preparation of YOLOX (Ge et al., 2021, arXiv:2107.08430).
    """
    height, width = image.shape[:2]
    h, w = size
    # In whole numbers: int(width * (w / width)) is w - 1 for some widths. A side keeps a pixel.
    if h * width <= w * height:
        ratio, fitted = h / height, (h, max(width * h // height, 1))
    else:
        ratio, fitted = w / width, (max(height * w // width, 1), w)
    canvas = np.full((h, w, 3), _PAD, np.uint8)
    canvas[: fitted[0], : fitted[1]] = cv2.resize(
        image, (fitted[1], fitted[0]), interpolation=cv2.INTER_LINEAR
    )
    return canvas, ratio


def boxes_in_photo(boxes: Float32, scores: Float32, ratio: float, photo: tuple[int, int]) -> Boxes:
    """Bring boxes of the letterbox's canvas back to the photo.

    Args:
        boxes: float32 [M, 4], (x1, y1, x2, y2) in pixels of the canvas.
        scores: float32 [M].
        ratio: What ``letterbox`` gave.
        photo: (height, width) of the photo in pixels.

    Returns:
        The boxes clipped to the photo, best first (ties as they came). Those that do not touch it,
        and those that are not finite, are left out.
    """
    height, width = photo
    edges = np.array([width, height, width, height], np.float32)
    placed = np.clip(boxes / np.float32(ratio), 0, edges)
    inside = np.isfinite(boxes).all(axis=1) & np.isfinite(scores)
    inside &= (placed[:, 2:] > placed[:, :2]).all(axis=1)
    kept = np.flatnonzero(inside)
    order = kept[np.argsort(-scores[kept], kind="stable")]
    return Boxes(placed[order].astype(np.float32), scores[order].astype(np.float32))
