"""The networks: plain ``torch.nn`` modules, one architecture per file.

A network maps images [N, 3, H, W] to ``(heatmaps, pafs)``, or to heatmaps alone where it has no
fields. It says what it is for (``task``), how its images are prepared (``input_spec``, or
``crop_spec`` where it takes crops), and knows the key layouts under which its checkpoints are
published.
"""

from __future__ import annotations

from heatpose.networks.checkpoints import (
    NETWORKS,
    Network,
    network_for,
    network_name,
    network_named,
)
from heatpose.networks.crop_network import Task
from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.hand_unet import HandUNet
from heatpose.networks.heatpose_lite import HeatposeLite
from heatpose.networks.hrnet import HRNet, HRNetV2
from heatpose.networks.input_spec import InputSpec
from heatpose.networks.lite_hrnet import LiteHRNet
from heatpose.networks.mobilenet_v2_small import OpenPoseMobileNetV2Small
from heatpose.networks.openpose_aic14 import OpenPoseAIC14
from heatpose.networks.openpose_body25 import OpenPoseBody25
from heatpose.networks.openpose_hand_face import OpenPoseFace, OpenPoseHand
from heatpose.networks.openpose_vgg19 import OpenPoseVGG19
from heatpose.networks.simple_baseline import SimpleBaseline

__all__ = [
    "NETWORKS",
    "CropSpec",
    "HRNet",
    "HRNetV2",
    "HandUNet",
    "HeatposeLite",
    "InputSpec",
    "LiteHRNet",
    "Network",
    "OpenPoseAIC14",
    "OpenPoseBody25",
    "OpenPoseFace",
    "OpenPoseHand",
    "OpenPoseMobileNetV2Small",
    "OpenPoseVGG19",
    "SimpleBaseline",
    "Task",
    "network_for",
    "network_name",
    "network_named",
]
