"""lightweight-human-pose-estimation.pytorch: ``modules.keypoints``, ``pose``, ``one_euro_filter``.

``from modules.keypoints import extract_keypoints, group_keypoints`` becomes
``from heatpose.adapters.lightweight_human_pose import extract_keypoints, group_keypoints``, and
likewise ``from modules.pose import Pose, track_poses``.
"""

from heatpose.adapters.lightweight_human_pose.keypoints import (
    BODY_PARTS_KPT_IDS,
    BODY_PARTS_PAF_IDS,
    connections_nms,
    extract_keypoints,
    group_keypoints,
)
from heatpose.adapters.lightweight_human_pose.one_euro_filter import OneEuroFilter
from heatpose.adapters.lightweight_human_pose.pose import Pose, get_similarity, track_poses

__all__ = [
    "BODY_PARTS_KPT_IDS",
    "BODY_PARTS_PAF_IDS",
    "OneEuroFilter",
    "Pose",
    "connections_nms",
    "extract_keypoints",
    "get_similarity",
    "group_keypoints",
    "track_poses",
]
