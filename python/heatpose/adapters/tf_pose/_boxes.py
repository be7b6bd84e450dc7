"""Where the face and the upper body of a person are, from a few of its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heatpose.adapters.tf_pose.common import CocoPart

Box = dict[str, int]
Points = dict[str, tuple[float, float]]

_FACE_SCORE, _BODY_SCORE = 0.2, 0.3
_NECK, _EYES, _EARS = 0.8, 2.0, 1.6  # of the face's side, from distances to the neck and between
_UPPER = (
    "Nose", "Neck", "RShoulder", "LShoulder", "RHip", "LHip", "REye", "LEye", "REar", "LEar",
)  # fmt: skip
_LEAST_PARTS = 5
_ABOVE, _BESIDE, _HALF = 0.8, 0.15, 1.15


def face_box(parts: Mapping[int, Any], width: float, height: float, mode: int) -> Box | None:
    """See ``Human.get_face_box``."""
    points = _points(parts, width, height, _FACE_SCORE)
    if "Nose" not in points:
        return None
    x, y = points["Nose"]
    side = 0.0
    if "Neck" in points:
        side = max(side, (points["Neck"][1] - y) * _NECK)
    right, left = points.get("REye"), points.get("LEye")
    if right is not None and left is not None:
        # The program takes both distances for shares of the width.
        down = (right[1] - left[1]) / height * width
        side = max(side, _EYES * math.hypot(right[0] - left[0], down))
    if mode == 1 and right is None and left is None:
        return None
    if "REar" in points and "LEar" in points:
        side = max(side, (points["REar"][0] - points["LEar"][0]) * _EARS)
    if side <= 0:
        return None
    beside = side // 2
    if (right is None) != (left is None):  # a face turned away: the one eye tells to which side
        beside = side // 3 * (2 if right is None else 1)
    above = side // 3 if mode == 0 else round(side / 2 * 1.2)
    corner = x - beside, y - above
    return _box(corner, (corner[0] + side, corner[1] + side), (width, height), mode == 0)


def upper_body_box(parts: Mapping[int, Any], width: float, height: float) -> Box | None:
    """See ``Human.get_upper_body_box``."""
    points = _points(parts, width, height, _BODY_SCORE)
    upper = [points[name] for name in _UPPER if name in points]
    if len(upper) < _LEAST_PARTS:
        return None
    (x, y), (x2, y2) = (tuple(f(v) for v in zip(*upper, strict=True)) for f in (min, max))
    neck = points.get("Neck")
    if neck is not None and "Nose" in points:
        y -= (neck[1] - y) * _ABOVE
    shoulders = [points[name] for name in ("RShoulder", "LShoulder") if name in points]
    if len(shoulders) == 2:
        more = (x2 - x) * _BESIDE
        x, x2 = x - more, x2 + more
    elif shoulders and neck is not None:
        half = abs(shoulders[0][0] - neck[0]) * _HALF
        x, x2 = min(neck[0] - half, x), max(neck[0] + half, x2)
    return _box((x, y), (x2, y2), (width, height), True)


def _points(parts: Mapping[int, Any], width: float, height: float, score: float) -> Points:
    """Parts that score more, in pixels."""
    return {
        CocoPart(part.part_idx).name: (part.x * width, part.y * height)
        for part in parts.values()
        if part.score > score
    }


def _box(
    low: tuple[float, float],
    high: tuple[float, float],
    size: tuple[float, float],
    centred: bool,
) -> Box | None:
    """What of a box is in the picture, by its centre or its corner; None where it is nothing."""
    x, y = (max(0, v) for v in low)
    x2, y2 = (min(v, end) for v, end in zip(high, size, strict=True))
    if round(x2 - x) <= 0 or round(y2 - y) <= 0:
        return None
    at = ((x + x2) / 2, (y + y2) / 2) if centred else (x, y)
    return {"x": round(at[0]), "y": round(at[1]), "w": round(x2 - x), "h": round(y2 - y)}
