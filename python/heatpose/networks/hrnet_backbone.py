"""The trunk of HRNet: up to four resolutions side by side, which exchange what they see.

Resolution ``i`` has ``width * 2**i`` channels and ``1 / 2**i`` of the first one's cells, itself a
quarter of the image. Every stage adds a resolution, and each of its modules runs four residual
blocks per resolution and then sums all of them into each.

Source: Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", 2019.
The keys are those of the authors' program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.residual_blocks import BasicBlock, Bottleneck, conv

Resize = Literal["nearest", "bilinear"]

NUM_BRANCHES = 4  # of the last stage
_STEM = 64
_STEM_BLOCKS = 4
_BRANCH_BLOCKS = 4
_MODULES = {2: 1, 3: 4, 4: 3}  # of each stage, which has as many branches as its name says


def branch_widths(width: int) -> list[int]:
    """Channels of the four resolutions, finest first."""
    return [width << i for i in range(NUM_BRANCHES)]


def resize_like(x: Tensor, like: Tensor, mode: Resize) -> Tensor:
    """Bring maps to the cells of ``like``; bilinear by half-pixel centres, cut at the border.

    By the size and not by a factor, so that images whose sides are no multiple of 32 fit too; for
    the others it is the same.
    """
    align_corners = False if mode == "bilinear" else None
    return functional.interpolate(x, size=like.shape[-2:], mode=mode, align_corners=align_corners)


def _conv_norm(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        conv(channels_in, channels_out, kernel, stride=stride), nn.BatchNorm2d(channels_out)
    )


def _conv_norm_relu(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return _conv_norm(channels_in, channels_out, 3, stride).append(nn.ReLU(inplace=True))


def _down(channels_in: int, channels_out: int, halvings: int) -> nn.Sequential:
    """Halve the cells some times; only the last step changes the channels, and has no ReLU."""
    steps = [_conv_norm_relu(channels_in, channels_in, 2) for _ in range(halvings - 1)]
    return nn.Sequential(*steps, _conv_norm(channels_in, channels_out, 3, 2))


class _Module(nn.Module):
    """Residual blocks on every resolution, then each answer a sum over all of them.

    Args:
        widths: Channels of the resolutions, finest first.
        outputs: How many resolutions are answered, finest first.
        upsample: How coarser maps come to finer ones.
    """

    def __init__(self, widths: Sequence[int], outputs: int, upsample: Resize) -> None:
        super().__init__()
        self.upsample: Resize = upsample
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width) for _ in range(_BRANCH_BLOCKS)))
            for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._fuse_layer(widths, i, j) for j in range(len(widths)))
            for i in range(outputs)
        )

    @staticmethod
    def _fuse_layer(widths: Sequence[int], i: int, j: int) -> nn.Module:
        """What resolution ``j`` passes before it is added to ``i``."""
        if j == i:
            return nn.Identity()
        return _conv_norm(widths[j], widths[i], 1) if j > i else _down(widths[j], widths[i], i - j)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        return [self._fused(xs, i) for i in range(len(self.fuse_layers))]

    def _fused(self, xs: Sequence[Tensor], i: int) -> Tensor:
        layers = self.fuse_layers.get_submodule(str(i)).children()
        parts = (layer(x) for layer, x in zip(layers, xs, strict=True))
        y: Tensor = next(parts)
        for j, part in enumerate(parts, 1):
            y = y + (resize_like(part, xs[i], self.upsample) if j > i else part)
        return functional.relu(y, inplace=True)


class HRNetBackbone(nn.Module):
    """Features of several resolutions, each seen by all.

    Args:
        width: Channels of the finest resolution.
        outputs: Resolutions that the last stage answers, finest first, 1 to 4.
        upsample: How coarser maps come to finer ones.
    """

    def __init__(self, width: int, *, outputs: int, upsample: Resize) -> None:
        super().__init__()
        widths = branch_widths(width)
        trunk = Bottleneck.expansion * _STEM
        self.conv1 = conv(3, _STEM, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(_STEM)
        self.conv2 = conv(_STEM, _STEM, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(_STEM)
        self.layer1 = nn.Sequential(
            *(Bottleneck(trunk if i else _STEM, _STEM) for i in range(_STEM_BLOCKS))
        )
        self.transition1 = nn.ModuleList(
            [
                _conv_norm_relu(trunk, widths[0]),
                nn.Sequential(_conv_norm_relu(trunk, widths[1], 2)),
            ]
        )
        for stage, count in _MODULES.items():
            if stage > 2:
                # The known resolutions go on as they are; the new one comes from the coarsest.
                grown = nn.Sequential(_conv_norm_relu(widths[stage - 2], widths[stage - 1], 2))
                old = (nn.Identity() for _ in range(stage - 1))
                self.add_module(f"transition{stage - 1}", nn.ModuleList([*old, grown]))
            last = stage == NUM_BRANCHES
            modules = (
                _Module(widths[:stage], outputs if last and i == count - 1 else stage, upsample)
                for i in range(count)
            )
            self.add_module(f"stage{stage}", nn.Sequential(*modules))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features [N, width * 2**i, ceil(H / 2**(2 + i)), ceil(W / 2**(2 + i))], finest first."""
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.layer1(x)
        xs = [x]
        for stage in _MODULES:
            transition = self.get_submodule(f"transition{stage - 1}").children()
            sources = [x, x] if stage == 2 else [*xs, xs[-1]]
            xs = [layer(source) for layer, source in zip(transition, sources, strict=True)]
            xs = self.get_submodule(f"stage{stage}")(xs)
        return xs
