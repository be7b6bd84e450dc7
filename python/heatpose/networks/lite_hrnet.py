"""Lite-HRNet-18 for one hand per crop: a million parameters.

The keys of the state dict are those of mmpose 0.x: ``backbone.`` and ``keypoint_head.``.

Source: Yu et al., "Lite-HRNet: A Lightweight High-Resolution Network", 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from heatpose.networks.crop_network import CropNetwork, channels_out
from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.lite_hrnet_backbone import WIDTHS, LiteHRNetBackbone

_LAST_LAYER = "keypoint_head.final_layer.weight"
_STEM = "backbone.stem.expand_conv.conv.weight"
_WEIGHTING = "backbone.stage2.1.layers.1.spatial_weighting.3.conv2.conv.weight"


class _Head(nn.Module):
    """One 1x1 convolution to the maps."""

    def __init__(self, keypoints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(WIDTHS[0], keypoints, 1)

    def forward(self, features: Tensor) -> Tensor:
        maps: Tensor = self.final_layer(features)
        return maps


class LiteHRNet(CropNetwork):
    """Heatmaps of one hand, a quarter of the crop's size.

    Args:
        keypoints: Number of maps, at least 1: 21 for a hand.
        crop_size: (height, width) of a crop in pixels, as the checkpoint was trained; nothing in
            the weights tells it. Published: 256x256.

    Raises:
        ValueError: no keypoints.

    Attributes:
        crop_spec: How a box of a photo becomes the input.
        keypoints: Number of maps.
    """

    def __init__(self, keypoints: int = 21, *, crop_size: tuple[int, int] = (256, 256)) -> None:
        super().__init__(keypoints, CropSpec(*crop_size))
        self.backbone = LiteHRNetBackbone()
        self.keypoint_head = _Head(keypoints)

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
        cls, state_dict: Mapping[str, Tensor], *, crop_size: tuple[int, int] = (256, 256)
    ) -> LiteHRNet:
        """Make the network of the number of keypoints that a checkpoint has.

        Args:
            state_dict: Tensors by name, in any layout of ``normalise_keys``.
            crop_size: As of the class.

        Returns:
            A new network with random weights.

        Raises:
            ValueError: the checkpoint is of no Lite-HRNet.
        """
        found = cls.normalise_keys(state_dict)
        if not cls.recognises(found):
            some = ", ".join(sorted(found)[:4]) or "none"
            raise ValueError(
                f"state_dict: expected the tensors of {cls.__name__}, got {len(found)} tensors "
                f"({some}, ...)"
            )
        return cls(channels_out(found, _LAST_LAYER), crop_size=crop_size)

    @classmethod
    def recognises(cls, state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout."""
        return {_STEM, _WEIGHTING, _LAST_LAYER} <= cls.normalise_keys(state_dict).keys()

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Tensors by name: mmpose 0.x (the module's), or mmpose 1.x (``head.`` instead
                of ``keypoint_head.``).

        Returns:
            The same tensors by the module's names; unknown keys are kept as they are.
        """
        return {_renamed(key): tensor for key, tensor in state_dict.items()}


def _renamed(key: str) -> str:
    return f"keypoint_{key}" if key.startswith("head.") else key
