"""In place of controlnet_aux's OpenPose detector: the classes, or a patch of an installed one.

``from heatpose.adapters.controlnet_aux import OpenposeDetector`` takes the place of
``from controlnet_aux import OpenposeDetector``. :func:`patch` makes an installed ``controlnet_aux``
decode with heatpose and keeps all else of it. See ``docs/adapters/controlnet_aux.md``.
"""

from __future__ import annotations

from heatpose.adapters.controlnet_aux import util
from heatpose.adapters.controlnet_aux.body import Body, decode_body
from heatpose.adapters.controlnet_aux.detector import OpenposeDetector, draw_poses
from heatpose.adapters.controlnet_aux.face import Face, decode_face
from heatpose.adapters.controlnet_aux.hand import Hand, decode_hand
from heatpose.adapters.controlnet_aux.patching import patch, unpatch
from heatpose.adapters.controlnet_aux.results import BodyResult, Keypoint, PoseResult

__all__ = [
    "Body",
    "BodyResult",
    "Face",
    "Hand",
    "Keypoint",
    "OpenposeDetector",
    "PoseResult",
    "decode_body",
    "decode_face",
    "decode_hand",
    "draw_poses",
    "patch",
    "unpatch",
    "util",
]
