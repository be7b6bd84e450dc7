"""The skeleton of a face: the 68 points of iBUG, and the pupils."""

from __future__ import annotations

import itertools

from heatpose.skeletons.body import BODY_COLORS, BODY_SIGMAS
from heatpose.skeletons.skeleton import Color, Pair, Skeleton, flip_by_name

FACE_KEYPOINTS = tuple(f"face_{k}" for k in range(68))

# 17 points on the jaw, 5 + 5 on the brows, 4 + 5 on the nose, 6 + 6 on the eyes, 12 + 8 on the
# mouth. Each row below is read in the photo from left to right; mirrored, it is itself reversed.
_ROWS = (
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
# The lines of a drawn face; the eyes and the lips are closed.
_CONTOURS = (
    (*range(17),),  # jaw
    (*range(17, 22),),  # right brow
    (*range(22, 27),),  # left brow
    (*range(27, 31),),  # bridge of the nose
    (*range(31, 36),),  # nostrils
    (*range(36, 42), 36),  # right eye
    (*range(42, 48), 42),  # left eye
    (*range(48, 60), 48),  # lips, outside
    (*range(60, 68), 60),  # lips, inside
)
FACE_LIMBS: tuple[Pair, ...] = tuple(
    pair for line in _CONTOURS for pair in itertools.pairwise(line)
)

# COCO-WholeBody's evaluation (Jin et al., ECCV 2020).
FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.040, 0.035, 0.031, 0.025, 0.020, 0.023, 0.029, 0.032, 0.037,
    0.038, 0.043, 0.041, 0.045,
    0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015,
    0.009, 0.007, 0.007, 0.007, 0.012, 0.009, 0.008, 0.016, 0.010,
    0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.010, 0.034,
    0.008, 0.008, 0.009, 0.008, 0.008, 0.007, 0.010, 0.008, 0.009, 0.009, 0.009, 0.007,
    0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.010, 0.008,
)  # fmt: skip

# Pale, so that a face stays in the background of a body's colours: eyes and lips differ enough to
# be told apart where they are a few pixels large.
_PALE: Color = (245, 245, 250)
_EYES: Color = (150, 235, 255)
_LIPS: Color = (255, 150, 170)
FACE_COLORS: tuple[Color, ...] = ((_PALE,) * 36) + ((_EYES,) * 12) + ((_LIPS,) * 20)
_PUPILS = ("right_pupil", "left_pupil")


def face_flip() -> tuple[int, ...]:
    """The permutation of the 68 points when the photo is mirrored."""
    flip = list(range(len(FACE_KEYPOINTS)))
    for row in _ROWS:
        for point, mirrored in zip(row, reversed(row), strict=True):
            flip[point] = mirrored
    return tuple(flip)


def _flip() -> tuple[int, ...]:
    pupils = flip_by_name((*FACE_KEYPOINTS, *_PUPILS))[len(FACE_KEYPOINTS) :]
    return (*face_flip(), *pupils)


FACE70 = Skeleton(
    name="face70",
    keypoints=(*FACE_KEYPOINTS, *_PUPILS),
    limbs=FACE_LIMBS,
    flip=_flip(),
    # Nobody annotates pupils; COCO's keypoint of the eye is the same place.
    oks_sigmas=(*FACE_SIGMAS, BODY_SIGMAS["eye"], BODY_SIGMAS["eye"]),
    keypoint_colors=(*FACE_COLORS, BODY_COLORS["right_eye"], BODY_COLORS["left_eye"]),
    parts=(("face", (0, 70)),),
)
"""70 keypoints of a face, as OpenPose orders them: iBUG's 68, the right pupil, the left pupil.

The person's right is the left of the photo, where each row of iBUG's points begins. OpenPose's face
network appends a background channel, which is not counted in ``num_heatmaps``.
"""
