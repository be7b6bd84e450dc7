"""In place of PaddleHub's OpenPose modules of bodies and hands, and of its simple hand module.

``Module("openpose_hands_estimation", ...)`` takes the place of ``hub.Module(name=...)``, and
``heatpose.adapters.paddlehub.processor`` of the modules' ``processor``;
``python -m heatpose.adapters.paddlehub`` that of ``hub run``. PaddlePaddle is not needed:
its weight files are read as they are. See ``docs/adapters/paddlehub.md``.
"""

from __future__ import annotations

from heatpose.adapters.paddlehub import processor
from heatpose.adapters.paddlehub.decode import decode_body, decode_hand
from heatpose.adapters.paddlehub.hand_pose_localization import HandPoseLocalization
from heatpose.adapters.paddlehub.modules import BodyPoseModel, HandPoseModel, Module

__all__ = [
    "BodyPoseModel",
    "HandPoseLocalization",
    "HandPoseModel",
    "Module",
    "decode_body",
    "decode_hand",
    "processor",
]
