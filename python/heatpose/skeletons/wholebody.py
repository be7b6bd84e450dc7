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
    *(f"face_{k}" for k in range(68)),
    *(f"left_hand_{name}" for name in HAND_KEYPOINTS),
    *(f"right_hand_{name}" for name in HAND_KEYPOINTS),
)

# The 68 points of iBUG: 17 on the jaw, 5 + 5 brows, 4 + 5 nose, 6 + 6 eyes, 12 + 8 mouth. Each row
# below is read in the photo from left to right; mirrored, it is itself reversed.
_FACE_ROWS = (
    tuple(range(17)),  # jaw
    tuple(range(17, 27)),  # brows
    (31, 32, 33, 34, 35),  # nostrils
    (36, 37, 38, 39, 42, 43, 44, 45),  # eyes, upper lids
    (41, 40, 47, 46),  # eyes, lower lids
    tuple(range(48, 55)),  # mouth, outer upper lip
    (59, 58, 57, 56, 55),  # mouth, outer lower lip
    tuple(range(60, 65)),  # mouth, inner upper lip
    (67, 66, 65),  # mouth, inner lower lip
)


def _flip() -> tuple[int, ...]:
    flip = list(flip_by_name(_KEYPOINTS))
    for row in _FACE_ROWS:
        for point, mirrored in zip(row, reversed(row), strict=True):
            flip[FACE.start + point] = FACE.start + mirrored
    return tuple(flip)


# COCO-WholeBody's evaluation (Jin et al., ECCV 2020).
_FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037,
    0.038, 0.043, 0.041, 0.045,
    0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015,
    0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010,
    0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007,
    0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010, 0.008,
)  # fmt: skip

_FOOT_LIMBS = ((15, 17), (15, 18), (15, 19), (16, 20), (16, 21), (16, 22))
_HANDS = tuple(
    (hand.start + a, hand.start + b) for hand in (LEFT_HAND, RIGHT_HAND) for a, b in HAND_LIMBS
)

_COLORS = (
    *body_colors(COCO17_KEYPOINTS),
    *body_colors(_FEET),
    *(((245, 245, 250),) * 68),
    *HAND_COLORS,
    *HAND_COLORS,
)

WHOLEBODY133 = Skeleton(
    name="wholebody133",
    keypoints=_KEYPOINTS,
    limbs=(*COCO17_LIMBS, *_FOOT_LIMBS, *_HANDS),
    flip=_flip(),
    oks_sigmas=(
        *body_sigmas(COCO17_KEYPOINTS),
        *FOOT_SIGMAS.values(),
        *_FACE_SIGMAS,
        *HAND_SIGMAS,
        *HAND_SIGMAS,
    ),
    keypoint_colors=_COLORS,
    limb_colors=(*COCO17_LIMB_COLORS, *(_COLORS[b] for _, b in (*_FOOT_LIMBS, *_HANDS))),
    parts=tuple((name, (place.start, place.stop)) for name, place in _PARTS.items()),
)
"""COCO-WholeBody's 133 keypoints: body 0-16, feet 17-22, face 23-90, hands 91-111 and 112-132.

The face has keypoints and no limbs.
"""
