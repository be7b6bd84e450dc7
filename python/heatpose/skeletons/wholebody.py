"""The skeleton of a whole person: body, feet, face and hands of COCO-WholeBody."""

from __future__ import annotations

from heatpose.skeletons.body import (
    COCO17_KEYPOINTS,
    COCO17_LIMB_COLORS,
    COCO17_LIMBS,
    FOOT_SIGMAS,
    body_colors,
    body_sigmas,
)
from heatpose.skeletons.face import (
    FACE_COLORS,
    FACE_KEYPOINTS,
    FACE_LIMBS,
    FACE_SIGMAS,
    face_flip,
)
from heatpose.skeletons.hand import HAND_COLORS, HAND_KEYPOINTS, HAND_LIMBS, HAND_SIGMAS
from heatpose.skeletons.skeleton import Skeleton, flip_by_name

BODY, FEET, FACE = slice(0, 17), slice(17, 23), slice(23, 91)
LEFT_HAND, RIGHT_HAND = slice(91, 112), slice(112, 133)
_PARTS = {
    "body": BODY,
    "feet": FEET,
    "face": FACE,
    "left_hand": LEFT_HAND,
    "right_hand": RIGHT_HAND,
}

_FEET = tuple(FOOT_SIGMAS)
_KEYPOINTS = (
    *COCO17_KEYPOINTS,
    *_FEET,
    *FACE_KEYPOINTS,
    *(f"left_hand_{name}" for name in HAND_KEYPOINTS),
    *(f"right_hand_{name}" for name in HAND_KEYPOINTS),
)


def _flip() -> tuple[int, ...]:
    flip = list(flip_by_name(_KEYPOINTS))
    flip[FACE] = [FACE.start + mirrored for mirrored in face_flip()]
    return tuple(flip)


_FOOT_LIMBS = ((15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22))
_HANDS = tuple(
    (hand.start + a, hand.start + b) for hand in (LEFT_HAND, RIGHT_HAND) for a, b in HAND_LIMBS
)
_FACE = tuple((FACE.start + a, FACE.start + b) for a, b in FACE_LIMBS)
_OTHERS = (*_FOOT_LIMBS, *_HANDS, *_FACE)

_COLORS = (
    *body_colors(COCO17_KEYPOINTS),
    *body_colors(_FEET),
    *FACE_COLORS,
    *HAND_COLORS,
    *HAND_COLORS,
)

WHOLEBODY133 = Skeleton(
    name="wholebody133",
    keypoints=_KEYPOINTS,
    limbs=(*COCO17_LIMBS, *_OTHERS),
    flip=_flip(),
    oks_sigmas=(
        *body_sigmas(COCO17_KEYPOINTS),
        *FOOT_SIGMAS.values(),
        *FACE_SIGMAS,
        *HAND_SIGMAS,
        *HAND_SIGMAS,
    ),
    keypoint_colors=_COLORS,
    limb_colors=(*COCO17_LIMB_COLORS, *(_COLORS[b] for _, b in _OTHERS)),
    parts=tuple((name, (place.start, place.stop)) for name, place in _PARTS.items()),
)
"""COCO-WholeBody's 133 keypoints: body 0-16, feet 17-22, face 23-90, hands 91-111 and 112-132.

The limbs of the face, which come last, are its contours.
"""
