"""Networks of the Python programs after OpenPose: loaded, run at several scales, told apart."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from heatpose.estimators.runner import Runner
from heatpose.estimators.scale_search import ScaleSearch, checked_scales
from heatpose.estimators.setup import pick_device, pick_dtype
from heatpose.media import check_image
from heatpose.networks import InputSpec, OpenPoseFace, OpenPoseHand, OpenPoseVGG19
from heatpose.ops import Size
from heatpose.weights import load_into
from heatpose.weights.convert import read_checkpoint

Model = str | os.PathLike[str] | nn.Module


def body_network(model: Model) -> nn.Module:
    """The body network of the programs, whose last heatmap layer has a ReLU; see ``Body``."""
    return _network(model, OpenPoseVGG19, {"relu_heatmaps": True})


def hand_network(model: Model) -> nn.Module:
    """The hand network of the programs; see ``Hand``."""
    return _network(model, OpenPoseHand, {})


def face_network(model: Model) -> nn.Module:
    """The face network of the programs; see ``controlnet_aux.Face``."""
    return _network(model, OpenPoseFace, {})


def _network(model: Model, kind: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    if isinstance(model, nn.Module):
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(
            f"model must be the path of a weight file or a torch module, got {type(model).__name__}"
        )
    network = kind(**arguments)
    try:
        load_into(network, read_checkpoint(model))
    except ValueError as error:
        prefix = "" if str(model) in str(error) else f"{model}: "
        raise ValueError(f"{prefix}{error}") from None
    return network


class MapSearch:
    """Runs a network on a photo at several scales; its outputs are told by their channels.

    Args:
        network: Maps [1, 3, H, W] to maps of a stride of 8.
        scales: Each times 368 pixels of height.
        norm_scale: The input is ``grey * norm_scale - 0.5``.
        device: As of ``Body``.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        scales: Sequence[float],
        norm_scale: float = 1 / 256,
        device: str | torch.device = "auto",
    ) -> None:
        runner = Runner(network, pick_device(device, network), pick_dtype(None, network))
        spec = InputSpec(norm_scale=norm_scale)
        self._search = ScaleSearch(runner, spec, scales=checked_scales(scales), box=spec.box)
        self._upload = runner.upload

    def __call__(
        self, photo: Any, *, outputs: tuple[int, ...]
    ) -> tuple[list[list[Any]], list[Size]]:
        """The maps of a photo.

        Args:
            photo: uint8 [H, W, 3], BGR.
            outputs: Channels of the wanted outputs, which are different.

        Returns:
            For each of ``outputs`` the maps [C, h, w] of every scale; and what of each input was
            photo.

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, or the network has no output of so many channels.
        """
        check_image(photo, name="oriImg")
        (found,) = self._search([self._upload(photo)])
        channels = [maps[0].shape[0] for maps in found.maps]
        missing = [count for count in outputs if count not in channels]
        if missing:
            raise ValueError(
                f"the network must give maps of {' and '.join(str(n) for n in outputs)} channels, "
                f"got {channels}"
            )
        return [found.maps[channels.index(count)] for count in outputs], found.content
