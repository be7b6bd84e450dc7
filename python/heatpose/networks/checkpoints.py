"""The networks by name, and which of them a checkpoint belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor

from heatpose.networks.crop_network import Task
from heatpose.networks.hand_unet import HandUNet
from heatpose.networks.heatpose_lite import HeatposeLite
from heatpose.networks.hrnet import HRNet, HRNetV2
from heatpose.networks.lite_hrnet import LiteHRNet
from heatpose.networks.mobilenet_v2_small import OpenPoseMobileNetV2Small
from heatpose.networks.openpose_aic14 import OpenPoseAIC14
from heatpose.networks.openpose_body25 import OpenPoseBody25
from heatpose.networks.openpose_hand_face import OpenPoseFace, OpenPoseHand
from heatpose.networks.openpose_vgg19 import OpenPoseVGG19
from heatpose.networks.simple_baseline import SimpleBaseline

MapsNetwork = (
    OpenPoseMobileNetV2Small
    | OpenPoseVGG19
    | OpenPoseBody25
    | OpenPoseAIC14
    | OpenPoseHand
    | OpenPoseFace
    | HandUNet
    | HeatposeLite
)
"""A network of one size: its class says all about it."""
SizedNetwork = HRNet | HRNetV2 | LiteHRNet | SimpleBaseline
"""A network whose sizes are read from a checkpoint by its class's ``for_state_dict``."""
Network = MapsNetwork | SizedNetwork

NETWORKS: dict[str, type[Network]] = {
    "mobilenet-v2-small": OpenPoseMobileNetV2Small,
    "vgg19": OpenPoseVGG19,
    "body25": OpenPoseBody25,
    "aic14": OpenPoseAIC14,
    "openpose-hand": OpenPoseHand,
    "openpose-face": OpenPoseFace,
    "hrnet": HRNet,
    "hrnetv2": HRNetV2,
    "lite-hrnet": LiteHRNet,
    "simple-baseline": SimpleBaseline,
    "hand-unet": HandUNet,
    "heatpose-lite": HeatposeLite,
}
"""Every architecture, by the name that users give it."""

# Four times the largest published one: an error instead of all memory, where a file lies.
_MOST_NUMBERS = 1 << 28


def network_name(state_dict: Mapping[str, Tensor]) -> str | None:
    """Tell which network a checkpoint belongs to, by the names and shapes of its tensors.

    Args:
        state_dict: Tensors by name, in any key layout that one of the networks knows.

    Returns:
        A key of ``NETWORKS``, or None where no network here has such tensors.
    """
    names = (name for name, network in NETWORKS.items() if network.recognises(state_dict))
    return next(names, None)


def network_for(
    state_dict: Mapping[str, Tensor], *, task: Task | None = None, **arguments: Any
) -> Network:
    """Make the network to which a checkpoint belongs, of the sizes that its tensors have.

    Args:
        state_dict: Tensors by name, in any key layout that one of the networks knows.
        task: What the network is to find the keypoints of: ``"body"``, ``"hand"``,
            ``"wholebody"`` or ``"face"``. Default: anything.
        **arguments: What the tensors do not tell, for the network's ``for_state_dict`` (or its
            class, where all its checkpoints have the same sizes): ``crop_size=(384, 288)``.

    Returns:
        A new network with random weights; ``heatpose.weights.load_into`` fills it.

    Raises:
        TypeError: the network has no such argument.
        ValueError: no network here has such tensors, or it is for another task; or there is no
            such task.
    """
    if task is not None and task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))} or None, got {task!r}")
    name = network_name(state_dict)
    if name is None:
        some = ", ".join(sorted(state_dict)[:4]) or "none"
        raise ValueError(
            f"the weights belong to no known network: expected those of {' or '.join(NETWORKS)}, "
            f"got {len(state_dict)} tensors ({some}, ...)"
        )
    network = network_named(name, state_dict, **arguments)
    if task is not None and network.task != task:
        found = network.task or f"{network.keypoints} keypoints of no known task"
        raise ValueError(
            f"the weights belong to the network {name} for {found}, expected one for {task}"
        )
    return network


def network_named(name: str, state_dict: Mapping[str, Tensor], **arguments: Any) -> Network:
    """Make the network of a name, of the sizes that a checkpoint's tensors have.

    Args:
        name: A key of ``NETWORKS``.
        state_dict: Tensors by name, of that network.
        **arguments: As of :func:`network_for`.

    Returns:
        A new network with random weights.

    Raises:
        TypeError: the network has no such argument.
        ValueError: the tensors are not those of a network whose sizes differ, or claim sizes with
            which it would have more than 2^28 parameters.
    """
    network = NETWORKS[name]
    if issubclass(network, SizedNetwork):
        # A tensor may be one number, seen a thousand million times: planned before memory is taken.
        with torch.device("meta"):
            planned = network.for_state_dict(state_dict, **arguments)
        count = sum(parameter.numel() for parameter in planned.parameters())
        if count > _MOST_NUMBERS:
            raise ValueError(
                f"the sizes of the tensors are those of a {name} with {count:.2g} parameters, "
                f"which is beyond any network known here (at most {_MOST_NUMBERS})"
            )
        return network.for_state_dict(state_dict, **arguments)
    return network(**arguments)
