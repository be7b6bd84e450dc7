"""A small U-Net for one hand: 128x128 crops to 21 heatmaps of the same size.

Two things are not as in most networks: the batch norms stand before the convolutions, the first one
on the image itself, and the last step is a sigmoid.

Source: Chernytska, "2D Hand Pose Estimation RGB", 2021, whose published model has these keys, after
Ronneberger et al., "U-Net", 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.crop_network import Task
from heatpose.networks.crop_spec import CropSpec

_WIDTHS = (16, 32, 64)  # of the three levels; the bottleneck has twice the last
_MULTIPLE = 2 ** len(_WIDTHS)


class _DoubleConv(nn.Module):
    """Twice: batch norm, 3x3 convolution, ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.BatchNorm2d(channels_in),
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(channels_out),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.double_conv(x)
        return y


class HandUNet(nn.Module):
    """Heatmaps of one right hand from a 491 thousand parameter network.

    It has seen right hands only, which fill about half of the crop's width: mirror left hands. Its
    crops were made by Pillow's bilinear resize, and its cell (x, y) has its centre at
    ((x + 0.5) / 128, (y + 0.5) / 128) of the crop, as ``crop_spec`` says.

    Args:
        keypoints: Number of maps, at least 1.

    Raises:
        ValueError: no keypoints.
    """

    task: ClassVar[Task] = "hand"
    right_hands_only: bool = True
    crop_spec: ClassVar[CropSpec] = CropSpec(
        height=128,
        width=128,
        mean=(0.3950, 0.4323, 0.2954),
        std=(0.1966, 0.1734, 0.1836),
        stride=1,
        padding=2.2,
        antialias=True,
        pixel_areas=True,
    )

    def __init__(self, keypoints: int = 21) -> None:
        super().__init__()
        if keypoints < 1:
            raise ValueError(f"keypoints: expected at least 1, got {keypoints}")
        self.keypoints = keypoints
        first, second, third = _WIDTHS
        self.conv_down1 = _DoubleConv(3, first)
        self.conv_down2 = _DoubleConv(first, second)
        self.conv_down3 = _DoubleConv(second, third)
        self.conv_bottleneck = _DoubleConv(third, 2 * third)
        self.conv_up1 = _DoubleConv(2 * third + third, third)
        self.conv_up2 = _DoubleConv(third + second, second)
        self.conv_up3 = _DoubleConv(second + first, first)
        self.conv_out = nn.Sequential(
            nn.Conv2d(first, keypoints, 3, padding=1, bias=False), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], RGB, normalised by ``crop_spec``. H and W are multiples of 8.

        Returns:
            Heatmaps [N, keypoints, H, W], 0..1.

        Raises:
            ValueError: H or W is no multiple of 8.
        """
        height, width = x.shape[-2:]
        if height % _MULTIPLE or width % _MULTIPLE:
            raise ValueError(
                f"x: expected height and width that are multiples of {_MULTIPLE}, got "
                f"{height} x {width}"
            )
        fine = self.conv_down1(x)
        middle = self.conv_down2(functional.max_pool2d(fine, 2))
        coarse = self.conv_down3(functional.max_pool2d(middle, 2))
        y = self.conv_bottleneck(functional.max_pool2d(coarse, 2))
        y = self.conv_up1(_beside(y, coarse))
        y = self.conv_up2(_beside(y, middle))
        y = self.conv_up3(_beside(y, fine))
        heatmaps: Tensor = self.conv_out(y)
        return heatmaps

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network."""
        return {"conv_bottleneck.double_conv.1.weight", "conv_out.0.weight"} <= state_dict.keys()

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same tensors: the module's layout is the only one that is published."""
        return dict(state_dict)


def _beside(coarse: Tensor, fine: Tensor) -> Tensor:
    """Double the size of ``coarse`` and put the channels of ``fine`` after its own."""
    doubled = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat([doubled, fine], dim=1)
