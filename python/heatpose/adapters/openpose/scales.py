"""The coordinates of ``--keypoint_scale``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.ops import Size
from heatpose.ops._arrays import whole

PIXELS, NET, OUTPUT, SHARES, CENTRED = range(5)
"""What the flag's five values mean."""


def scale_keypoints(
    keypoints: npt.ArrayLike,
    keypoint_scale: int,
    *,
    size: Size | None = None,
    net_size: Size | None = None,
    output_size: Size | None = None,
) -> npt.NDArray[np.float32]:
    """Keypoints in pixels of the picture, in the coordinates of the program's flag.

    Args:
        keypoints: [..., 3], (x, y, score) in pixels of the picture.
        keypoint_scale: 0 pixels of the picture; 1 of the network's input; 2 of the output; 3 from 0
            (the middle of the first pixel) to 1 (of the last); 4 from -1 to 1.
        size: (height, width) of the picture, for all but 0.
        net_size: (height, width) of the network's input (``--net_resolution``), for 1. The picture
            keeps its shape: the axis that must shrink more counts. One side may be -1: it counts
            for nothing.
        output_size: (height, width) of the output (``--output_resolution``), for 2; likewise. Both
            sides may be -1: the picture's size.

    Returns:
        float32 [..., 3], a new array. Keypoints whose score is not above 0 are three zeros.

    Raises:
        TypeError: keypoint_scale is no whole number, or a size not two of them.
        ValueError: another scale or shape, or a size that is missing or too small.
    """
    points: npt.NDArray[np.float32] = np.array(keypoints, np.float32)
    kind = whole("keypoint_scale", keypoint_scale, low=PIXELS, high=CENTRED)
    if points.ndim == 0 or points.shape[-1] != 3:
        raise ValueError(f"keypoints must have shape [..., 3], got {list(points.shape)}")
    if kind == PIXELS:
        return points
    last = _side_steps("size", size, kind)
    if kind in (NET, OUTPUT):
        name, target = ("net_size", net_size) if kind == NET else ("output_size", output_size)
        ends = _side_steps(name, target, kind, free=True)
        ratios = (ends / last)[ends > 0]
        points[..., :2] *= ratios.min(initial=np.inf) if len(ratios) else 1
    else:
        points[..., :2] /= last
        if kind == CENTRED:
            points[..., :2] = 2 * points[..., :2] - 1
    points[points[..., 2] <= 0] = 0
    return points


def _side_steps(name: str, size: Any, kind: int, *, free: bool = False) -> npt.NDArray[np.float32]:
    """(width - 1, height - 1): how far it is from the first pixel to the last; -2 for -1."""
    if size is None:
        raise ValueError(f"{name} must be given for keypoint_scale {kind}")
    try:
        height, width = size
    except TypeError:
        raise TypeError(f"{name} must be (height, width), got {size!r}") from None
    sides = [
        -1 if free and side == -1 else whole(f"{name}'s {axis}", side, low=2)
        for axis, side in (("width", width), ("height", height))
    ]
    return np.array(sides, np.float32) - 1
