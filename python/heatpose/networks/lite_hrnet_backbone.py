"""The trunk of Lite-HRNet-18: HRNet's four resolutions, with weights on channels for 1x1 layers.

Resolution ``i`` has ``40 * 2**i`` channels and ``1 / 2**i`` of the first one's cells, itself a
quarter of the image. Where HRNet has residual blocks, half of the channels pass through here, and
the other half are weighted by what all resolutions and all cells see, and convolved per channel.

Source: Yu et al., "Lite-HRNet: A Lightweight High-Resolution Network", 2021. The keys are those of
the authors' program, which mmpose shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.hrnet_backbone import resize_like
from heatpose.networks.residual_blocks import conv

WIDTHS = (40, 80, 160, 320)
"""Channels of the four resolutions, finest first."""

_STEM = 32
_MODULES = (2, 4, 2)  # of the three stages, which have 2, 3 and 4 resolutions
_BLOCKS = 2  # per module
_ACROSS = 8  # fewer channels inside the weighting across resolutions
_WITHIN = 4  # and inside that over the cells of one resolution

Activation = Callable[[Tensor], Tensor]


class _ConvNorm(nn.Module):
    """A convolution, a batch norm unless it has a bias, and an activation if one is given."""

    def __init__(self, conv: nn.Conv2d, activation: Activation | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.bn = nn.BatchNorm2d(conv.out_channels) if conv.bias is None else None
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = x if self.bn is None else self.bn(x)
        return x if self.activation is None else self.activation(x)


def _depthwise(channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)


def _separable(
    channels_in: int, channels_out: int, *, stride: int, relu: bool = True
) -> nn.Sequential:
    """3x3 per channel and norm, then 1x1 over the channels, norm, ReLU."""
    layers = nn.Sequential(
        _depthwise(channels_in, stride),
        nn.BatchNorm2d(channels_in),
        conv(channels_in, channels_out, 1),
        nn.BatchNorm2d(channels_out),
    )
    return layers.append(nn.ReLU(inplace=True)) if relu else layers


def _down(channels_in: int, channels_out: int, halvings: int) -> nn.Sequential:
    """Halve the cells some times; only the last step changes the channels, and has no ReLU."""
    steps = [_separable(channels_in, channels_in, stride=2) for _ in range(halvings - 1)]
    return nn.Sequential(*steps, _separable(channels_in, channels_out, stride=2, relu=False))


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    first, second = x.chunk(2, dim=1)
    return first, second


def _interleave(first: Tensor, second: Tensor) -> Tensor:
    """The channels of two tensors of one shape in turn: the shuffle of two groups."""
    return torch.stack([first, second], dim=2).flatten(1, 2)


class _Stem(nn.Module):
    """The image to 32 channels at a quarter of its size."""

    def __init__(self) -> None:
        super().__init__()
        half = _STEM // 2
        self.conv1 = _ConvNorm(conv(3, _STEM, 3, stride=2), functional.relu)
        self.branch1 = nn.Sequential(
            _ConvNorm(_depthwise(half, 2)), _ConvNorm(conv(half, half, 1), functional.relu)
        )
        self.expand_conv = _ConvNorm(conv(half, _STEM, 1), functional.relu)
        self.depthwise_conv = _ConvNorm(_depthwise(_STEM, 2))
        self.linear_conv = _ConvNorm(conv(_STEM, half, 1), functional.relu)

    def forward(self, x: Tensor) -> Tensor:
        first, second = _halves(self.conv1(x))
        second = self.linear_conv(self.depthwise_conv(self.expand_conv(second)))
        return _interleave(self.branch1(first), second)


class _Weighting(nn.Module):
    """Two 1x1 layers, ReLU and sigmoid, that make one factor per channel of what they are given."""

    def __init__(self, channels: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.conv1 = _ConvNorm(nn.Conv2d(channels, hidden, 1, bias=bias), functional.relu)
        self.conv2 = _ConvNorm(nn.Conv2d(hidden, channels, 1, bias=bias), torch.sigmoid)

    def forward(self, x: Tensor) -> Tensor:
        factors: Tensor = self.conv2(self.conv1(x))
        return factors


class _Block(nn.Module):
    """Half of the channels pass; the others are weighted, convolved per channel, weighted again."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.halves = [width // 2 for width in widths]
        channels = sum(self.halves)
        self.cross_resolution_weighting = _Weighting(channels, channels // _ACROSS, bias=False)
        self.depthwise_convs = nn.ModuleList(_ConvNorm(_depthwise(half)) for half in self.halves)
        self.spatial_weighting = nn.ModuleList(
            _Weighting(half, half // _WITHIN, bias=True) for half in self.halves
        )

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        passing, weighted = zip(*map(_halves, xs), strict=True)
        coarsest = weighted[-1].shape[-2:]
        seen = [functional.adaptive_avg_pool2d(x, coarsest) for x in weighted[:-1]]
        factors = self.cross_resolution_weighting(torch.cat([*seen, weighted[-1]], dim=1))
        out = []
        for i, factor in enumerate(factors.split(self.halves, dim=1)):
            x = weighted[i] * resize_like(factor, weighted[i], "nearest")
            x = self.depthwise_convs[i](x)
            x = x * self.spatial_weighting[i](x.mean(dim=(-2, -1), keepdim=True))
            out.append(_interleave(passing[i], x))
        return out


class LiteModule(nn.Module):
    """Blocks over all resolutions, then each answer a sum over all of them.

    Args:
        widths: Channels of the resolutions, finest first.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_Block(widths) for _ in range(_BLOCKS)))
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._fuse_layer(widths, i, j) for j in range(len(widths)))
            for i in range(len(widths))
        )

    @staticmethod
    def _fuse_layer(widths: Sequence[int], i: int, j: int) -> nn.Module:
        """What resolution ``j`` passes before it is added to ``i``."""
        if j == i:
            return nn.Identity()
        if j < i:
            return _down(widths[j], widths[i], i - j)
        return nn.Sequential(conv(widths[j], widths[i], 1), nn.BatchNorm2d(widths[i]))

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        """[N, widths[i], h[i], w[i]] for every resolution to the same sizes."""
        return self.fused(self.layers(xs))

    def fused(self, xs: Sequence[Tensor]) -> list[Tensor]:
        """The sums over the resolutions, as the published weights were trained with.

        They are not the plain sums of the paper. The authors' program starts a sum with the finest
        resolution's part and then adds the parts of all resolutions, the finest's again, and the
        first sum is made in the memory of the finest resolution itself. So the finest counts twice
        in every sum, and what the coarser sums get of it is the finished first sum, before its
        ReLU. The weights have learnt to live with it, and the authors note that it is worth half a
        point to one of average precision.
        """
        first = 2 * xs[0]
        for j in range(1, len(xs)):
            first = first + resize_like(self._part(0, j, xs[j]), first, "nearest")
        sums = [first]
        for i in range(1, len(xs)):
            y = 2 * self._part(i, 0, first)
            for j in range(1, len(xs)):
                part = self._part(i, j, xs[j])
                y = y + (resize_like(part, y, "nearest") if j > i else part)
            sums.append(y)
        return [functional.relu(y) for y in sums]

    def _part(self, i: int, j: int, x: Tensor) -> Tensor:
        part: Tensor = self.fuse_layers.get_submodule(f"{i}.{j}")(x)
        return part


class _Project(nn.Module):
    """3x3 per channel, then 1x1 to the channels of the next finer resolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depthwise_conv = _ConvNorm(_depthwise(channels_in))
        self.pointwise_conv = _ConvNorm(conv(channels_in, channels_out, 1), functional.relu)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return y


class _IterativeHead(nn.Module):
    """From the coarsest resolution to the finest: resized, added, projected."""

    def __init__(self) -> None:
        super().__init__()
        coarse_to_fine = WIDTHS[::-1]
        self.projects = nn.ModuleList(
            _Project(width, finer)
            for width, finer in zip(coarse_to_fine, (*coarse_to_fine[1:], WIDTHS[0]), strict=True)
        )

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        coarsest, *finer = reversed(xs)
        first, *projects = self.projects
        y: Tensor = first(coarsest)
        for project, x in zip(projects, finer, strict=True):
            # By the corners, unlike HRNetV2's: so it was trained.
            size = x.shape[-2:]
            y = project(x + functional.interpolate(y, size, mode="bilinear", align_corners=True))
        return y


class LiteHRNetBackbone(nn.Module):
    """Features of the finest resolution, which has seen all others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Stem()
        known: tuple[int, ...] = (_STEM,)
        for stage, count in enumerate(_MODULES):
            widths = WIDTHS[: stage + 2]
            self.add_module(f"transition{stage}", _transition(known, widths))
            self.add_module(
                f"stage{stage}", nn.Sequential(*(LiteModule(widths) for _ in range(count)))
            )
            known = widths
        self.head_layer = _IterativeHead()

    def forward(self, x: Tensor) -> Tensor:
        """[N, 3, H, W] to [N, 40, ceil(H / 4), ceil(W / 4)]."""
        xs = [self.stem(x)]
        for stage in range(len(_MODULES)):
            transition = self.get_submodule(f"transition{stage}").children()
            xs = [layer(x) for layer, x in zip(transition, [*xs, xs[-1]], strict=True)]
            xs = self.get_submodule(f"stage{stage}")(xs)
        features: Tensor = self.head_layer(xs)
        return features


def _transition(known: Sequence[int], widths: Sequence[int]) -> nn.ModuleList:
    """From the resolutions of one stage to those of the next, which has one more."""
    layers: list[nn.Module] = [
        nn.Identity() if before == after else _separable(before, after, stride=1)
        for before, after in zip(known, widths[:-1], strict=True)
    ]
    return nn.ModuleList([*layers, nn.Sequential(_separable(known[-1], widths[-1], stride=2))])
