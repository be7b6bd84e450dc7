"""The two residual blocks of ResNet, of which its descendants are built too.

Source: He et al., "Deep Residual Learning for Image Recognition", 2016. The keys are the usual
ones: ``conv1.weight``, ``bn1.weight``, ``downsample.0.weight``.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def conv(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias (a batch norm follows), padded to ``ceil(size / stride)``."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)


def _shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels_in == channels_out:
        return None
    return nn.Sequential(
        conv(channels_in, channels_out, 1, stride=stride), nn.BatchNorm2d(channels_out)
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, ``channels_in`` to ``channels``, and the input added to the output."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv(channels_in, channels, 3, stride=stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(channels_in, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels_in, H, W] to [N, channels, ceil(H / stride), ceil(W / stride)]."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        return functional.relu(y, inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1, ``channels_in`` to 4 times ``channels``; the input added."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        channels_out = self.expansion * channels
        self.conv1 = conv(channels_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, channels_out, 1)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.downsample = _shortcut(channels_in, channels_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels_in, H, W] to [N, 4 * channels, ceil(H / stride), ceil(W / stride)]."""
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        return functional.relu(y, inplace=True)
