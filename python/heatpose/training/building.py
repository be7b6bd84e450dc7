"""Networks, teachers and Lightning modules of the options."""

from __future__ import annotations

from typing import Any

from torch import nn

from heatpose.networks import NETWORKS, CropSpec, InputSpec, network_for
from heatpose.skeletons import AIC14, COCO17, HAND21, WHOLEBODY133, Skeleton
from heatpose.training.options import NetworkOptions, TeacherOptions, TrainingOptions
from heatpose.training.top_down import TopDownTraining
from heatpose.training.two_branch import TwoBranchTraining
from heatpose.training.weight_files import read_weights
from heatpose.weights import load_into

_BY_KEYPOINTS = {
    skeleton.num_keypoints: skeleton for skeleton in (AIC14, COCO17, HAND21, WHOLEBODY133)
}


def make_network(options: NetworkOptions) -> nn.Module:
    """The network of the options, with the weights that it starts from.

    Raises:
        FileNotFoundError: no such weight file.
        ValueError: an unknown name, arguments that its class does not take, weights that do not
            fit, or a network that nothing here can train.
    """
    if options.name not in NETWORKS:
        raise ValueError(f"network.name must be one of {', '.join(NETWORKS)}, got {options.name!r}")
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in options.arguments.items()
    }
    try:
        make: Any = NETWORKS[options.name]
        network: nn.Module = make(**arguments)
    except TypeError as error:
        raise ValueError(f"network.arguments: {error}") from None
    if options.weights is not None:
        state_dict = read_weights(options.weights)
        if options.partial:
            _load_fitting(network, state_dict, options.weights)
        else:
            load_into(network, state_dict)
    return network


def skeleton_of(network: Any) -> Skeleton:
    """The skeleton of a network's maps: its own, or that of its number of keypoints.

    Raises:
        ValueError: no skeleton is known for that number.
    """
    own = getattr(network, "skeleton", None)
    if isinstance(own, Skeleton):
        return own
    count = getattr(network, "keypoints", None)
    if count not in _BY_KEYPOINTS:
        raise ValueError(f"no skeleton of {count} keypoints is known")
    return _BY_KEYPOINTS[count]


def make_teacher(options: TeacherOptions) -> nn.Module | None:
    """The teacher of the options, None without weights.

    Raises:
        FileNotFoundError: no such weight file.
        ValueError: the weights are of no known network of bodies.
    """
    if options.weights is None:
        return None
    state_dict = read_weights(options.weights)
    network = network_for(state_dict, task="body")
    load_into(network, state_dict)
    return network


def make_module(network: nn.Module, options: TrainingOptions) -> Any:
    """The Lightning module that trains a network.

    Raises:
        ValueError: the network is of neither kind, or has a teacher that it cannot use.
    """
    if isinstance(getattr(network, "crop_spec", None), CropSpec):
        if options.teacher.weights is not None:
            raise ValueError("teacher.weights: top-down networks are trained without a teacher")
        return TopDownTraining(network, options, skeleton_of(network))
    channels = getattr(getattr(network, "skeleton", None), "paf_channels", ())
    if isinstance(getattr(network, "input_spec", None), InputSpec) and channels:
        maps = options.teacher.mode == "maps"
        return TwoBranchTraining(network, options, make_teacher(options.teacher) if maps else None)
    raise ValueError(
        f"network.name: {type(network).__name__} has neither crops nor part affinity fields; "
        "such networks are not trained here"
    )


def _load_fitting(network: nn.Module, state_dict: Any, path: str) -> None:
    normalise = getattr(network, "normalise_keys", dict)
    wanted = network.state_dict()
    found = {
        key: tensor
        for key, tensor in normalise(state_dict).items()
        if key in wanted and tensor.shape == wanted[key].shape
    }
    if not found:
        raise ValueError(f"{path}: none of its tensors fits {type(network).__name__}")
    network.load_state_dict(found, strict=False)
