"""heatpose-lite: heatpose's own small two-branch network for COCO-18 bodies.

Features of strides 8, 16 and 32 are merged from coarse to fine, so that every cell of stride 8
sees the whole of a person; one light stage answers, and another refines the answer. Both give maps
to the loss.

Chosen by time on one CPU thread, where a dense 3x3 convolution of 64 channels in channels-last
order runs at more than twice the arithmetic rate of a 1x1 one. So the two fine levels are plain
residual blocks; only stride 32, where weights are many and cells few, has depthwise 5x5 ones.

Sources: He et al., "Deep Residual Learning", 2016; Sandler et al., "MobileNetV2", 2018; Lin et al.,
"Feature Pyramid Networks", 2017; Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part
Affinity Fields", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.crop_network import Task
from heatpose.networks.input_spec import InputSpec
from heatpose.skeletons import COCO18, Skeleton

_HEATMAPS, _PAFS = COCO18.num_heatmaps, COCO18.num_pafs
_STEM = (16, 32)  # channels at strides 2 and 4
_LEVELS = (64, 128, 144)  # channels at strides 8, 16 and 32
_FEATURES = 64  # of the merged features, and of the stages
_EXPANSION = 3  # of the blocks at stride 32
_STAGES = 2


class _ConvNorm(nn.Module):
    """Convolution, batch norm and, unless something is to be added first, ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, padding, dilation, groups, bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return functional.relu(x, inplace=True) if self.activation else x


class _Residual(nn.Module):
    """Two 3x3 convolutions around which the input passes."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.first = _ConvNorm(channels, channels)
        self.second = _ConvNorm(channels, channels, dilation=dilation, activation=False)
        nn.init.zeros_(self.second.norm.weight)  # a new block passes its input: deep nets start

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(self.first(x)), inplace=True)


class _Inverted(nn.Module):
    """An inverted residual: expand (1x1), depthwise (5x5), project (1x1, no activation)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = _EXPANSION * channels
        self.expand = _ConvNorm(channels, wide, 1)
        self.depthwise = _ConvNorm(wide, wide, 5, groups=wide)
        self.project = _ConvNorm(wide, channels, 1, activation=False)
        nn.init.zeros_(self.project.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y


class _Stage(nn.Module):
    """Shared layers, then heatmaps and PAFs."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.heatmaps = _head(_HEATMAPS)
        self.pafs = _head(_PAFS)
        last = self.heatmaps[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        nn.init.constant_(last.bias[-1:], 1.0)  # the background: nearly everywhere

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(x)
        return self.heatmaps(x), self.pafs(x)


def _head(maps: int) -> nn.Sequential:
    last = nn.Conv2d(_FEATURES, maps, 1)
    nn.init.normal_(last.weight, std=0.01)  # first answers near zero, as most cells are
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(_ConvNorm(_FEATURES, _FEATURES, 1), last)


class HeatposeLite(nn.Module):
    """Heatmaps of 18 keypoints and the background, and part affinity fields of 19 limbs."""

    task: ClassVar[Task] = "body"
    skeleton: ClassVar[Skeleton] = COCO18
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec()

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _LEVELS
        self.stem = nn.Sequential(
            _ConvNorm(3, _STEM[0], stride=2), _ConvNorm(_STEM[0], _STEM[1], stride=2)
        )
        self.level8 = nn.Sequential(
            _ConvNorm(_STEM[1], fine, stride=2), _Residual(fine), _Residual(fine)
        )
        self.level16 = nn.Sequential(
            _ConvNorm(fine, middle, stride=2), _Residual(middle), _Residual(middle)
        )
        self.level32 = nn.Sequential(
            _ConvNorm(middle, coarse, stride=2), *(_Inverted(coarse) for _ in range(3))
        )
        self.from8, self.from16, self.from32 = (
            _ConvNorm(channels, _FEATURES, 1, activation=False) for channels in _LEVELS
        )
        self.merge16 = _Residual(_FEATURES)
        self.merge8 = _Residual(_FEATURES)
        refined = _FEATURES + _HEATMAPS + _PAFS
        self.stage_list = nn.ModuleList([_Stage(_Residual(_FEATURES))])
        for _ in range(1, _STAGES):
            layers = nn.Sequential(
                _ConvNorm(refined, _FEATURES, 1),
                _Residual(_FEATURES, dilation=2),
                _Residual(_FEATURES, dilation=2),
            )
            self.stage_list.append(_Stage(layers))

    def features(self, x: Tensor) -> Tensor:
        """Merged features [N, 64, ceil(H/8), ceil(W/8)] of images [N, 3, H, W]."""
        at8 = self.level8(self.stem(x))
        at16 = self.level16(at8)
        at32 = self.level32(at16)
        merged = self.merge16(self.from16(at16) + _resized(self.from32(at32), at16))
        features: Tensor = self.merge8(self.from8(at8) + _resized(merged, at8))
        return features

    def stages(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(heatmaps, pafs) of every stage, the first stage first; for images as of ``forward``."""
        # A third of the CPU's time is saved by this order; the answers are the same.
        features = self.features(x.contiguous(memory_format=torch.channels_last))
        answers = [self.stage_list[0](features)]
        for stage in list(self.stage_list)[1:]:
            answers.append(stage(torch.cat([features, *answers[-1]], dim=1)))
        return answers

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], BGR, ``grey / 256 - 0.5``. Any size from 1x1.

        Returns:
            Heatmaps [N, 19, h, w] (18 keypoints and the background) and PAFs [N, 38, h, w], with
            ``h = ceil(H / 8)`` and ``w = ceil(W / 8)``.
        """
        heatmaps, pafs = self.stages(x)[-1]
        return heatmaps.contiguous(), pafs.contiguous()

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network."""
        return {
            "level32.3.project.conv.weight",
            f"stage_list.{_STAGES - 1}.heatmaps.1.weight",
        } <= state_dict.keys()

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors as they are: there is one layout of keys."""
        return dict(state_dict)


def _resized(x: Tensor, like: Tensor) -> Tensor:
    """Bilinear, to the height and width of another tensor."""
    size = (like.shape[-2], like.shape[-1])
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
