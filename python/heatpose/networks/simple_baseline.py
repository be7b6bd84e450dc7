"""SimpleBaseline: a ResNet and three deconvolutions, one person or one hand per crop.

The keys of the state dict are mmpose's: the trunk under ``backbone.`` with torchvision's names, the
deconvolutions and the last layer under ``keypoint_head.``.

Source: Xiao et al., "Simple Baselines for Human Pose Estimation and Tracking", 2018.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.crop_network import CropNetwork
from heatpose.networks.crop_spec import CropSpec
from heatpose.networks.input_spec import ColourOrder
from heatpose.networks.residual_blocks import BasicBlock, Bottleneck

_WIDTHS = (64, 128, 256, 512)  # of the four layers, before a bottleneck's expansion
_HEAD_WIDTH = 256
_NUM_DECONVS = 3

# Blocks per layer, and whether they are bottlenecks.
_DEPTHS: dict[int, tuple[tuple[int, int, int, int], bool]] = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}

# A trunk that was put into a Sequential without its names: torchvision's order of modules, of which
# the ReLU and the pool (2 and 3) have no tensors.
_CHILDREN = {
    "0": "conv1",
    "1": "bn1",
    "4": "layer1",
    "5": "layer2",
    "6": "layer3",
    "7": "layer4",
}
_HEAD_KEY = re.compile(r"^(?:keypoint_head\.|head\.)?((?:deconv_layers|final_layer)\..+)$")
_TRUNK_KEY = re.compile(r"^(?:(?:[a-z_]+\.)?(conv1|bn1|layer[1-4])|[a-z_]+\.([014-7]))\.(.+)$")
_CLASSIFIER_KEY = re.compile(r"^fc\.(weight|bias)$")


class _ResNet(nn.Module):
    """The trunk: features [N, ``channels``, ceil(H / 32), ceil(W / 32)]."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        blocks, bottlenecks = _DEPTHS[depth]
        block = Bottleneck if bottlenecks else BasicBlock
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        channels = _WIDTHS[0]
        for i, (width, count) in enumerate(zip(_WIDTHS, blocks, strict=True)):
            layer = [block(channels, width, stride=1 if i == 0 else 2)]
            channels = width * block.expansion
            layer += [block(channels, width) for _ in range(count - 1)]
            self.add_module(f"layer{i + 1}", nn.Sequential(*layer))
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, 1)
        for i in range(len(_WIDTHS)):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x


class _DeconvHead(nn.Module):
    """Three times twice the size, then one map per keypoint."""

    def __init__(self, channels_in: int, keypoints: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(_NUM_DECONVS):
            deconv = nn.ConvTranspose2d(channels_in, _HEAD_WIDTH, 4, 2, 1, bias=False)
            layers += [deconv, nn.BatchNorm2d(_HEAD_WIDTH), nn.ReLU(inplace=True)]
            channels_in = _HEAD_WIDTH
        self.deconv_layers = nn.Sequential(*layers)
        self.final_layer = nn.Conv2d(_HEAD_WIDTH, keypoints, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.final_layer(self.deconv_layers(x))
        return maps


class SimpleBaseline(CropNetwork):
    """Heatmaps of one person or hand, a quarter of the crop's size.

    Args:
        depth: Layers of the ResNet: 18, 34, 50, 101 or 152.
        keypoints: Number of maps, at least 1: 21 for a hand, 17 for COCO's body.
        crop_size: (height, width) of a crop in pixels, as the checkpoint was trained; nothing in
            the weights tells it. Published: 256x256 and 224x224 (FreiHAND; 56x56 maps) for hands,
            256x192 and 384x288 for bodies.
        colour: Order of the channels, not told by the weights either: ``"rgb"`` for mmpose's,
            ``"bgr"`` for Microsoft's. The mean and standard deviation are the same three numbers
            in the same order for both.

    Raises:
        ValueError: no such depth, or no keypoints.

    Attributes:
        crop_spec: How a box of a photo becomes the input.
        depth: Layers of the ResNet.
        keypoints: Number of maps.
    """

    def __init__(
        self,
        depth: int = 50,
        keypoints: int = 21,
        *,
        crop_size: tuple[int, int] = (256, 256),
        colour: ColourOrder = "rgb",
    ) -> None:
        super().__init__(keypoints, CropSpec(*crop_size, colour=colour))
        if depth not in _DEPTHS:
            raise ValueError(f"depth: expected one of {', '.join(map(str, _DEPTHS))}, got {depth}")
        self.depth = depth
        self.backbone = _ResNet(depth)
        self.keypoint_head = _DeconvHead(self.backbone.channels, keypoints)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], normalised by ``crop_spec``. Any size from 1x1; the published
                ones are multiples of 32.

        Returns:
            Heatmaps [N, keypoints, 8 * ceil(H / 32), 8 * ceil(W / 32)], without activation: about
            0..1, slightly negative values included.
        """
        maps: Tensor = self.keypoint_head(self.backbone(x))
        return maps

    @classmethod
    def for_state_dict(
        cls,
        state_dict: Mapping[str, Tensor],
        *,
        crop_size: tuple[int, int] = (256, 256),
        colour: ColourOrder = "rgb",
    ) -> SimpleBaseline:
        """Make the network of the depth and number of keypoints that a checkpoint has.

        Args:
            state_dict: Tensors by name, in any layout of ``normalise_keys``.
            crop_size: As of the class.
            colour: As of the class.

        Returns:
            A new network with random weights.

        Raises:
            ValueError: the checkpoint is of no SimpleBaseline, or of a depth that is none of these.
        """
        found = cls.normalise_keys(state_dict)
        last = found.get("keypoint_head.final_layer.weight")
        if last is None or last.ndim != 4:
            raise ValueError(
                "state_dict: expected a SimpleBaseline with keypoint_head.final_layer.weight "
                f"[K, {_HEAD_WIDTH}, 1, 1], got {'none' if last is None else list(last.shape)}"
            )
        blocks = tuple(
            len({key.split(".")[2] for key in found if key.startswith(f"backbone.layer{i + 1}.")})
            for i in range(len(_WIDTHS))
        )
        bottlenecks = "backbone.layer1.0.conv3.weight" in found
        for depth, structure in _DEPTHS.items():
            if structure == (blocks, bottlenecks):
                return cls(depth, last.shape[0], crop_size=crop_size, colour=colour)
        kind = "bottlenecks" if bottlenecks else "basic blocks"
        raise ValueError(
            f"state_dict: expected a ResNet of {', '.join(map(str, _DEPTHS))} layers, got one of "
            f"{blocks} {kind}"
        )

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout.

        A classifier's trunk alone is not: it has nothing for the head.
        """
        known = {_renamed(key) for key in state_dict}
        return {
            "backbone.layer4.0.conv1.weight",
            f"keypoint_head.deconv_layers.{3 * (_NUM_DECONVS - 1)}.weight",
            "keypoint_head.final_layer.weight",
        } <= known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Tensors by name, in one of these layouts, which may be mixed:

                - mmpose 0.x, ``backbone.`` and ``keypoint_head.``, and 1.x, ``head.``;
                - Microsoft's, the same without prefixes;
                - torchvision's trunk under any prefix, by its names or, where it was put into a
                  ``Sequential``, by its numbers (``backbone.0.weight`` is that of ``conv1``,
                  ``backbone.7.0`` is ``layer4.0``). Its classifier ``fc`` is dropped.

        Returns:
            The same tensors by the module's names; unknown keys are kept as they are. Checkpoints
            older than PyTorch 0.4.1 have no batch counters: they are 0.
        """
        renamed = {
            _renamed(key): tensor
            for key, tensor in state_dict.items()
            if not _CLASSIFIER_KEY.match(key)
        }
        counters = [
            key.replace("running_mean", "num_batches_tracked")
            for key in renamed
            if key.endswith("running_mean")
        ]
        return {**{key: torch.tensor(0) for key in counters}, **renamed}


def _renamed(key: str) -> str:
    head = _HEAD_KEY.match(key)
    if head:
        return f"keypoint_head.{head[1]}"
    trunk = _TRUNK_KEY.match(key)
    if trunk:
        return f"backbone.{trunk[1] or _CHILDREN[trunk[2]]}.{trunk[3]}"
    return key
