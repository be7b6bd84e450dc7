"""Keypoint names, limbs, field channels, flip pairs, OKS sigmas and colours of the known skeletons.

A skeleton of your own is one more instance of ``Skeleton``; nothing needs to be registered.
"""

from __future__ import annotations

from heatpose.skeletons.body import AIC14, BODY25, COCO17, COCO18
from heatpose.skeletons.face import FACE70
from heatpose.skeletons.hand import HAND21
from heatpose.skeletons.skeleton import Skeleton
from heatpose.skeletons.wholebody import WHOLEBODY133

BY_NAME: dict[str, Skeleton] = {
    skeleton.name: skeleton
    for skeleton in (COCO18, BODY25, AIC14, COCO17, HAND21, FACE70, WHOLEBODY133)
}

__all__ = [
    "AIC14",
    "BODY25",
    "BY_NAME",
    "COCO17",
    "COCO18",
    "FACE70",
    "HAND21",
    "WHOLEBODY133",
    "Skeleton",
]
