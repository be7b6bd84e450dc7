"""``modules.pose``: a person in a video, and who is who from one picture to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from heatpose.adapters.lightweight_human_pose.keypoints import BODY_PARTS_KPT_IDS
from heatpose.adapters.lightweight_human_pose.one_euro_filter import OneEuroFilter
from heatpose.skeletons import COCO18


class Pose:
    """One person of one picture.

    Args:
        keypoints: int32 [18, 2], (x, y) in pixels, (-1, -1) where missing; kept, not copied.
        confidence: The person's score.

    Attributes:
        bbox: (x, y, width, height) around the keypoints, in whole pixels.
        id: Number of the person in the video; None until :meth:`update_id`.
        filters: Two per keypoint, for :func:`track_poses` with ``smooth``.
        last_id: The last number that was given, of all poses of the process.

    Raises:
        TypeError: keypoints are no array.
        ValueError: keypoints are not [18, 2], or not finite.
    """

    num_kpts: ClassVar[int] = COCO18.num_keypoints
    kpt_names: ClassVar[list[str]] = [
        "nose", "neck", "r_sho", "r_elb", "r_wri", "l_sho", "l_elb", "l_wri", "r_hip", "r_knee",
        "r_ank", "l_hip", "l_knee", "l_ank", "r_eye", "l_eye", "r_ear", "l_ear",
    ]  # fmt: skip
    sigmas: ClassVar[npt.NDArray[np.float32]] = np.array(
        [
            0.26, 0.79, 0.79, 0.72, 0.62, 0.79, 0.72, 0.62, 1.07, 0.87, 0.89, 1.07, 0.87, 0.89,
            0.25, 0.25, 0.35, 0.35,
        ],
        np.float32,
    ) / np.float32(10)  # fmt: skip
    vars: ClassVar[npt.NDArray[np.float32]] = np.square(sigmas * np.float32(2))
    last_id: ClassVar[int] = -1
    color: ClassVar[list[int]] = [0, 224, 255]

    def __init__(self, keypoints: npt.NDArray[Any], confidence: float) -> None:
        if np.shape(keypoints) != (self.num_kpts, 2):
            raise ValueError(
                f"keypoints must have shape ({self.num_kpts}, 2), got {np.shape(keypoints)}"
            )
        if not isinstance(keypoints, np.ndarray):
            raise TypeError(f"keypoints must be an array, got {type(keypoints).__name__}")
        if not np.isfinite(keypoints).all():
            raise ValueError(f"keypoints must be finite, got {keypoints.tolist()}")
        self.keypoints = keypoints
        self.confidence = confidence
        self.bbox = Pose.get_bbox(keypoints)
        self.id: int | None = None
        self.filters = [[OneEuroFilter(), OneEuroFilter()] for _ in range(self.num_kpts)]

    @staticmethod
    def get_bbox(keypoints: npt.NDArray[Any]) -> tuple[int, int, int, int]:
        """Box around the keypoints that are not missing; (0, 0, 0, 0) where all are."""
        found = keypoints[keypoints[:, 0] != -1].astype(np.int32)
        if not len(found):
            return 0, 0, 0, 0
        (x, y), (right, bottom) = found.min(axis=0).tolist(), found.max(axis=0).tolist()
        return x, y, right - x + 1, bottom - y + 1

    def update_id(self, id: int | None = None) -> None:
        """Take a number, or the next one that nobody has."""
        if id is None:
            id = Pose.last_id + 1
            Pose.last_id = id
        self.id = id

    def draw(self, img: npt.NDArray[np.uint8]) -> None:
        """Draw the person into a uint8 [H, W, 3] picture (needs OpenCV).

        Raises:
            TypeError: img is no array.
        """
        import cv2

        if not isinstance(img, np.ndarray):
            raise TypeError(f"img must be an array, got {type(img).__name__}")

        for limb in BODY_PARTS_KPT_IDS[:-2]:
            ends = [
                (int(self.keypoints[k, 0]), int(self.keypoints[k, 1]))
                for k in limb
                if self.keypoints[k, 0] != -1
            ]
            for end in ends:
                cv2.circle(img, end, 3, Pose.color, -1)
            if len(ends) == 2:
                cv2.line(img, ends[0], ends[1], Pose.color, 2)


def get_similarity(a: Pose, b: Pose, threshold: float = 0.5) -> int:
    """How many keypoints of two poses are alike: exp(-d^2 / (2 area var)) above ``threshold``.

    The area is that of the larger box.
    """
    both = (a.keypoints[:, 0] != -1) & (b.keypoints[:, 0] != -1)
    distance = ((a.keypoints - b.keypoints) ** 2).sum(axis=1)
    area = max(a.bbox[2] * a.bbox[3], b.bbox[2] * b.bbox[3])
    alike = np.exp(-distance / (2 * (area + np.spacing(1)) * Pose.vars))
    return int(np.count_nonzero(both & (alike > threshold)))


def track_poses(
    previous_poses: Sequence[Pose],
    current_poses: Sequence[Pose],
    threshold: int = 3,
    smooth: bool = False,
) -> None:
    """Give the poses of a picture the numbers of those before that they are most alike.

    The surest pose chooses first. One that is like none gets a new number.

    Args:
        previous_poses: Poses of the picture before, with numbers.
        current_poses: Poses of this picture, changed in place.
        threshold: Keypoints that must be alike.
        smooth: Smooth the keypoints in time with the filters of the pose before.
    """
    free = list(previous_poses)
    for pose in sorted(current_poses, key=lambda pose: pose.confidence, reverse=True):
        alike = [get_similarity(pose, other) for other in free]
        best = max(range(len(free)), key=lambda i: alike[i], default=None)
        match: Pose | None = None
        if best is not None and alike[best] > 0 and alike[best] >= threshold:
            match = free.pop(best)
        pose.update_id(None if match is None else match.id)
        if smooth:
            _smooth(pose, match)


def _smooth(pose: Pose, match: Pose | None) -> None:
    for k in np.flatnonzero(pose.keypoints[:, 0] != -1).tolist():
        if match is not None and match.keypoints[k, 0] != -1:
            pose.filters[k] = match.filters[k]
        for axis in (0, 1):
            pose.keypoints[k, axis] = pose.filters[k][axis](pose.keypoints[k, axis])
    pose.bbox = Pose.get_bbox(pose.keypoints)
