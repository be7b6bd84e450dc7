"""Skeletons of bodies: OpenPose's COCO-18 and BODY_25, AI Challenger's 14, COCO's 17."""

from __future__ import annotations

from heatpose.skeletons.skeleton import Color, Skeleton

# The person's right side is warm, the left side cool, the head violet: left and right swaps, the
# commonest mistake of a network, are seen at once. Limbs take the colour of their outer keypoint.
BODY_COLORS: dict[str, Color] = {
    "nose": (214, 140, 255),
    "head_top": (214, 140, 255),
    "neck": (235, 235, 245),
    "mid_hip": (235, 235, 245),
    "right_eye": (255, 120, 220),
    "right_ear": (255, 100, 180),
    "right_shoulder": (255, 196, 61),
    "right_elbow": (255, 159, 28),
    "right_wrist": (255, 117, 24),
    "right_hip": (255, 92, 92),
    "right_knee": (244, 63, 94),
    "right_ankle": (219, 39, 119),
    "left_eye": (165, 150, 255),
    "left_ear": (125, 125, 255),
    "left_shoulder": (163, 230, 53),
    "left_elbow": (52, 211, 110),
    "left_wrist": (16, 200, 160),
    "left_hip": (34, 211, 238),
    "left_knee": (56, 165, 255),
    "left_ankle": (70, 105, 255),
    "left_big_toe": (120, 130, 255),
    "left_small_toe": (140, 150, 255),
    "left_heel": (100, 110, 230),
    "right_big_toe": (255, 90, 160),
    "right_small_toe": (255, 120, 180),
    "right_heel": (230, 80, 140),
}

# Annotator deviations of COCO (cocoapi, COCOeval) for the 17 keypoints, and of COCO-WholeBody
# (Jin et al., ECCV 2020) for the feet.
BODY_SIGMAS: dict[str, float] = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
FOOT_SIGMAS: dict[str, float] = {
    "left_big_toe": 0.068,
    "left_small_toe": 0.066,
    "left_heel": 0.066,
    "right_big_toe": 0.092,
    "right_small_toe": 0.094,
    "right_heel": 0.094,
}
# COCO annotates neither; these two lie between the shoulders and the hips, and take their values.
_MIDDLE_SIGMAS = {"neck": 0.079, "mid_hip": 0.107}


def body_sigmas(keypoints: tuple[str, ...]) -> tuple[float, ...]:
    """OKS sigma of each named keypoint, from COCO and COCO-WholeBody."""
    known = BODY_SIGMAS | FOOT_SIGMAS | _MIDDLE_SIGMAS
    return tuple(
        known[name] if name in known else known[name.split("_", 1)[1]] for name in keypoints
    )


def body_colors(keypoints: tuple[str, ...]) -> tuple[Color, ...]:
    """RGB colour of each named keypoint."""
    return tuple(BODY_COLORS[name] for name in keypoints)


_COCO18 = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip

COCO18 = Skeleton(
    name="coco18",
    keypoints=_COCO18,
    limbs=(
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11),
        (11, 12), (12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
    ),
    paf_channels=(
        (12, 13), (20, 21), (14, 15), (16, 17), (22, 23), (24, 25), (0, 1), (2, 3), (4, 5), (6, 7),
        (8, 9), (10, 11), (28, 29), (30, 31), (34, 35), (32, 33), (36, 37), (18, 19), (26, 27),
    ),
    non_starting_limbs=(17, 18),
    has_background=True,
    oks_sigmas=body_sigmas(_COCO18),
    keypoint_colors=body_colors(_COCO18),
)  # fmt: skip
"""OpenPose's 18 keypoints of COCO (Cao et al., CVPR 2017), limbs in the order of its decoder.

The last two limbs, shoulder to ear, never start a person.
"""

_BODY25 = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip

BODY25 = Skeleton(
    name="body25",
    keypoints=_BODY25,
    limbs=(
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11),
        (8, 12), (12, 13), (13, 14), (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (2, 17), (5, 18),
        (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
    ),
    paf_channels=(
        (0, 1), (14, 15), (22, 23), (16, 17), (18, 19), (24, 25), (26, 27), (6, 7), (2, 3), (4, 5),
        (8, 9), (10, 11), (12, 13), (30, 31), (32, 33), (36, 37), (34, 35), (38, 39), (20, 21),
        (28, 29), (40, 41), (42, 43), (44, 45), (46, 47), (48, 49), (50, 51),
    ),
    non_starting_limbs=(18, 19),
    has_background=True,
    oks_sigmas=body_sigmas(_BODY25),
    keypoint_colors=body_colors(_BODY25),
)  # fmt: skip
"""OpenPose's BODY_25: COCO-18, the middle of the hips and six points of the feet.

As in COCO-18, the limbs from shoulder to ear never start a person.
"""

_AIC14 = (
    "right_shoulder", "right_elbow", "right_wrist",
    "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle",
    "left_hip", "left_knee", "left_ankle",
    "head_top", "neck",
)  # fmt: skip

AIC14 = Skeleton(
    name="aic14",
    keypoints=_AIC14,
    limbs=(
        (12, 13), (13, 0), (0, 1), (1, 2), (13, 3), (3, 4), (4, 5), (0, 6), (6, 7), (7, 8),
        (3, 9), (9, 10), (10, 11), (13, 6), (13, 9),
    ),
    paf_channels=tuple((2 * limb, 2 * limb + 1) for limb in range(15)),
    non_starting_limbs=(13, 14),
    has_background=True,
    # The sigmas of AI Challenger 2017's own evaluation, about a third of COCO's at the elbow.
    oks_sigmas=(
        0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642,
        0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173,
    ),
    keypoint_colors=body_colors(_AIC14),
    # Limb 0 runs inwards, so that it takes the colour of its first keypoint.
    limb_colors=tuple(
        BODY_COLORS[_AIC14[k]] for k in (12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 6, 9)
    ),
)  # fmt: skip
"""The 14 keypoints of AI Challenger 2017, with the limbs and channels of its OpenPose networks.

The last two limbs, neck to hip, repeat what shoulder to hip says, and never start a person.
"""

COCO17_KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
COCO17_LIMBS = (
    (0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
_NEUTRAL = {(5, 6): BODY_COLORS["neck"], (11, 12): BODY_COLORS["mid_hip"]}
COCO17_LIMB_COLORS = tuple(
    _NEUTRAL.get(limb, BODY_COLORS[COCO17_KEYPOINTS[limb[1]]]) for limb in COCO17_LIMBS
)

COCO17 = Skeleton(
    name="coco17",
    keypoints=COCO17_KEYPOINTS,
    limbs=COCO17_LIMBS,
    oks_sigmas=body_sigmas(COCO17_KEYPOINTS),
    keypoint_colors=body_colors(COCO17_KEYPOINTS),
    limb_colors=COCO17_LIMB_COLORS,
)
"""COCO's 17 keypoints (Lin et al., ECCV 2014), in the order of its annotations."""
