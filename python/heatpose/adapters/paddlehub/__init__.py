"""In place of PaddleHub's ``openpose_body_estimation`` and ``openpose_hands_estimation``.

``Module("openpose_hands_estimation", ...)`` takes the place of ``hub.Module(name=...)``, and
``heatpose.adapters.paddlehub.processor`` of the modules' ``processor``. PaddlePaddle is not needed:
its weight files are read as they are. See ``docs/adapters/paddlehub.md``.
"""

from __future__ import annotations

from heatpose.adapters.paddlehub import processor
from heatpose.adapters.paddlehub.decode import decode_body, decode_hand
from heatpose.adapters.paddlehub.modules import BodyPoseModel, HandPoseModel, Module

__all__ = ["BodyPoseModel", "HandPoseModel", "Module", "decode_body", "decode_hand", "processor"]
