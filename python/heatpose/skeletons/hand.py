"""The skeleton of a hand: a wrist and four keypoints per finger."""

from __future__ import annotations

from heatpose.skeletons.skeleton import Color, Skeleton, hue

FINGERS = ("thumb", "index", "middle", "ring", "little")

HAND_KEYPOINTS = ("wrist", *(f"{finger}_{k}" for finger in FINGERS for k in range(1, 5)))
HAND_LIMBS = tuple(
    (0 if k == 0 else 4 * f + k, 4 * f + k + 1) for f in range(len(FINGERS)) for k in range(4)
)
# Annotator deviations of COCO-WholeBody (Jin et al., ECCV 2020); the same for both hands.
HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024,
    0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.02, 0.019, 0.022, 0.031,
)  # fmt: skip
HAND_COLORS: tuple[Color, ...] = (
    (240, 240, 245),
    *(hue(turn) for turn in (0.0, 0.11, 0.38, 0.56, 0.78) for _ in range(4)),
)

HAND21 = Skeleton(
    name="hand21",
    keypoints=HAND_KEYPOINTS,
    limbs=HAND_LIMBS,
    oks_sigmas=HAND_SIGMAS,
    keypoint_colors=HAND_COLORS,
    parts=(("hand", (0, 21)),),
)
"""21 keypoints of a hand, wrist first, each finger from the palm to its tip.

The order of OpenPose, COCO-WholeBody, FreiHAND and OneHand10K. A mirrored hand is the other hand
in the same order, so that ``flip`` moves nothing. OpenPose's hand network appends a background
channel; top-down networks do not, and neither is counted in ``num_heatmaps``.
"""
