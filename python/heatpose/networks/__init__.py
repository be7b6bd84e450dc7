"""The networks: plain ``torch.nn`` modules, one architecture per file.

A network maps images [N, 3, H, W] to ``(heatmaps, pafs)``, or to heatmaps alone where it has no
fields, says in ``input_spec`` (or ``crop_spec``, where it takes crops) how its images are prepared,
and knows the key layouts under which its checkpoints are published.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.hand_unet import HandUNet
from heatpose.networks.hrnet import HRNet, HRNetV2
from heatpose.networks.input_spec import InputSpec
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
    "InputSpec",
    "OpenPoseAIC14",
    "OpenPoseBody25",
    "OpenPoseFace",
    "OpenPoseHand",
    "OpenPoseMobileNetV2Small",
    "OpenPoseVGG19",
    "SimpleBaseline",
    "network_for",
]

NETWORKS: dict[str, type[OpenPoseMobileNetV2Small] | type[OpenPoseVGG19]] = {
    "mobilenet-v2-small": OpenPoseMobileNetV2Small,
    "vgg19": OpenPoseVGG19,
}
"""The networks of the body estimator, by the name that users give them."""


def network_for(state_dict: Mapping[str, Tensor]) -> OpenPoseMobileNetV2Small | OpenPoseVGG19:
    """Make the network to which a checkpoint belongs, told by the names of its tensors.

    Args:
        state_dict: Tensors by name, in any key layout that one of the networks knows.

    Returns:
        A new network with random weights; ``heatpose.weights.load_weights`` fills it.

    Raises:
        ValueError: no network here has such keys.
    """
    for network in NETWORKS.values():
        if network.recognises(state_dict):
            return network()
    some = ", ".join(sorted(state_dict)[:4]) or "none"
    raise ValueError(
        f"the weights belong to no known network: expected those of {' or '.join(NETWORKS)}, "
        f"got {len(state_dict)} tensors ({some}, ...)"
    )
