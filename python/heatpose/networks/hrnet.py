"""HRNet and HRNetV2 for one person or one hand per crop: the trunk and two kinds of head.

HRNet makes its maps from the finest resolution alone, HRNetV2 from all four. The keys of the state
dict are those of mmpose 0.x: ``backbone.`` and ``keypoint_head.``. ``normalise_keys`` brings the
other layouts to it.

Sources: Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", 2019;
Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition", 2020 (HRNetV2);
the DARK variants (Zhang et al., 2020) have the same networks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from heatpose.networks.crop_network import CropNetwork, channels_out
from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.hrnet_backbone import HRNetBackbone, branch_widths, resize_like

_HEAD = "keypoint_head."
_LAST_LAYER = f"{_HEAD}final_layer"
_FINEST = "backbone.stage2.0.branches.0.0.conv1.weight"
# Where the last module answers the finest resolution, and the next one, which HRNet lacks.
_FINE_SUM = "backbone.stage4.2.fuse_layers.0.3.0.weight"
_NEXT_SUM = "backbone.stage4.2.fuse_layers.1.0.0.0.weight"
_BARE_TRUNK = re.compile(r"^(conv[12]|bn[12]|layer1|transition[123]|stage[234])\.")


class _Head(nn.Module):
    """One 1x1 convolution from the finest features to the maps."""

    def __init__(self, width: int, keypoints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(width, keypoints, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        maps: Tensor = self.final_layer(features[0])
        return maps


class _ResizeConcatHead(nn.Module):
    """All resolutions brought to the finest, one 1x1 convolution that mixes, one to the maps."""

    def __init__(self, width: int, keypoints: int) -> None:
        super().__init__()
        channels = sum(branch_widths(width))
        self.final_layer = nn.Sequential(
            nn.Conv2d(channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, keypoints, 1),
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        finest, *coarser = features
        resized = [resize_like(x, finest, "bilinear") for x in coarser]
        maps: Tensor = self.final_layer(torch.cat([finest, *resized], dim=1))
        return maps


class HRNet(CropNetwork):
    """Heatmaps from the finest of four resolutions; coarser ones are added by their nearest cell.

    Args:
        width: Channels of the finest resolution, at least 1. Published: 32 and 48.
        keypoints: Number of maps, at least 1: 17 for COCO's body, 133 for the whole body.
        crop_size: (height, width) of a crop in pixels, as the checkpoint was trained; nothing in
            the weights tells it. Published: 256x192, and 384x288 (all of the whole body).

    Raises:
        ValueError: a number is less than 1.

    Attributes:
        crop_spec: How a box of a photo becomes the input.
        keypoints: Number of maps.
    """

    def __init__(
        self, width: int = 32, keypoints: int = 17, *, crop_size: tuple[int, int] = (256, 192)
    ) -> None:
        super().__init__(keypoints, CropSpec(*crop_size))
        _check_width(width)
        self.backbone = HRNetBackbone(width, outputs=1, upsample="nearest")
        self.keypoint_head = _Head(width, keypoints)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], normalised by ``crop_spec``. Any size from 1x1; it was trained
                on multiples of 32.

        Returns:
            Heatmaps [N, keypoints, ceil(H / 4), ceil(W / 4)], without activation: about 0..1,
            slightly negative values included.
        """
        maps: Tensor = self.keypoint_head(self.backbone(x))
        return maps

    @classmethod
    def for_state_dict(
        cls, state_dict: Mapping[str, Tensor], *, crop_size: tuple[int, int] = (256, 192)
    ) -> HRNet:
        """Make the network of the width and number of keypoints that a checkpoint has.

        Args:
            state_dict: Tensors by name, in any layout of ``normalise_keys``.
            crop_size: As of the class.

        Returns:
            A new network with random weights.

        Raises:
            ValueError: the checkpoint is of no HRNet.
        """
        found = cls.normalise_keys(state_dict)
        return cls(*_width_and_keypoints(cls, found, _LAST_LAYER), crop_size=crop_size)

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout."""
        known = {_renamed(key) for key in state_dict}
        return {_FINE_SUM, f"{_LAST_LAYER}.weight"} <= known and _NEXT_SUM not in known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Tensors by name: mmpose 0.x (the module's), mmpose 1.x (``head.`` instead of
                ``keypoint_head.``), or the official program's and DarkPose's, without prefixes.

        Returns:
            The same tensors by the module's names; unknown keys are kept as they are.
        """
        return {_renamed(key): tensor for key, tensor in state_dict.items()}


class HRNetV2(CropNetwork):
    """Heatmaps from all four resolutions; they come together by bilinear interpolation.

    Args:
        width: Channels of the finest resolution, at least 1. Published: 18.
        keypoints: Number of maps, at least 1: 21 for a hand.
        crop_size: (height, width) of a crop in pixels. Published: 256x256.

    Raises:
        ValueError: a number is less than 1.

    Attributes:
        crop_spec: How a box of a photo becomes the input.
        keypoints: Number of maps.
    """

    def __init__(
        self, width: int = 18, keypoints: int = 21, *, crop_size: tuple[int, int] = (256, 256)
    ) -> None:
        super().__init__(keypoints, CropSpec(*crop_size))
        _check_width(width)
        widths = branch_widths(width)
        self.backbone = HRNetBackbone(width, outputs=len(widths), upsample="bilinear")
        self.keypoint_head = _ResizeConcatHead(width, keypoints)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network: input, sizes and answer as of :meth:`HRNet.forward`."""
        maps: Tensor = self.keypoint_head(self.backbone(x))
        return maps

    @classmethod
    def for_state_dict(
        cls, state_dict: Mapping[str, Tensor], *, crop_size: tuple[int, int] = (256, 256)
    ) -> HRNetV2:
        """Make the network of a checkpoint: see :meth:`HRNet.for_state_dict`."""
        found = cls.normalise_keys(state_dict)
        return cls(*_width_and_keypoints(cls, found, f"{_LAST_LAYER}.3"), crop_size=crop_size)

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout."""
        known = {_renamed_v2(key) for key in state_dict}
        return {_FINE_SUM, _NEXT_SUM, f"{_LAST_LAYER}.3.weight"} <= known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Tensors by name: mmpose 0.x (the module's), or mmpose 1.x, where the head is
                ``head.`` and its first layers are ``conv_layers``.

        Returns:
            The same tensors by the module's names; unknown keys are kept as they are.
        """
        return {_renamed_v2(key): tensor for key, tensor in state_dict.items()}


def _check_width(width: int) -> None:
    if width < 1:
        raise ValueError(f"width: expected at least 1, got {width}")


def _width_and_keypoints(
    network: type[HRNet | HRNetV2], found: Mapping[str, Tensor], last_layer: str
) -> tuple[int, int]:
    """The sizes of a checkpoint whose keys are the module's."""
    if not network.recognises(found):
        some = ", ".join(sorted(found)[:4]) or "none"
        raise ValueError(
            f"state_dict: expected the tensors of {network.__name__}, got {len(found)} tensors "
            f"({some}, ...)"
        )
    return channels_out(found, _FINEST), channels_out(found, f"{last_layer}.weight")


def _renamed(key: str) -> str:
    if _BARE_TRUNK.match(key):
        return f"backbone.{key}"
    if key.startswith("head."):
        key = key.removeprefix("head.")
        return f"{_HEAD}{key}"
    return f"{_HEAD}{key}" if key.startswith("final_layer.") else key


def _renamed_v2(key: str) -> str:
    key = _renamed(key)
    key = re.sub(r"^keypoint_head\.conv_layers\.([01])\.", rf"{_LAST_LAYER}.\1.", key)
    return re.sub(r"^keypoint_head\.final_layer\.(weight|bias)$", rf"{_LAST_LAYER}.3.\1", key)
