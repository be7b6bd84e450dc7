"""OpenPose on a narrow MobileNetV2: the small two-branch network of tf-pose-estimation.

The answers are those of the published TensorFlow graph, which asks for four things that PyTorch
does differently (``tests/test_networks.py`` pins each):

1. the backbone's batch norms run in training mode, so each image is normalised by its own mean
   and variance. Here that is an instance norm, and no image depends on the rest of its batch;
2. TensorFlow's SAME padding puts an odd zero after, never before (``_SameConv2d``);
3. the features are upsampled by the legacy bilinear rule (``_legacy_bilinear``);
4. the backbone uses ReLU6, the stages plain ReLU.

Sources: Sandler et al., "MobileNetV2", 2018; Cao et al., "Realtime Multi-Person 2D Pose
Estimation using Part Affinity Fields", 2017; tf-pose-estimation's ``mobilenet_v2_small`` graph.
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

_EPSILON = 1e-3  # of every norm in the graph
_NUM_STAGES = 6
_NUM_LAYERS = 5  # per branch of a stage
_HEATMAPS, _PAFS = 19, 38

# (channels in, expanded, out, stride) of the thirteen blocks; a block that keeps channels and
# size adds its input to its output.
_BLOCKS = (
    (16, 16, 8, 1),
    (8, 48, 16, 2),
    (16, 96, 16, 1),
    (16, 96, 16, 2),
    (16, 96, 16, 1),
    (16, 96, 16, 1),
    (16, 96, 32, 2),
    (32, 192, 32, 1),
    (32, 192, 32, 1),
    (32, 192, 32, 1),
    (32, 192, 48, 1),
    (48, 288, 48, 1),
    (48, 288, 48, 1),
)
_STRIDE_8_BLOCK = 5  # its output is the fine half of the features
_FEATURES = _BLOCKS[_STRIDE_8_BLOCK][2] + _BLOCKS[-1][2]


class _SameConv2d(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's SAME to ``ceil(size / stride)`` outputs.

    The kernel is odd and the stride 1, or the kernel is 3x3 and the stride 2.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return super().forward(x)
        # An odd axis wants one zero on both sides. An even one wants a single zero after: with two
        # on both sides and the first output dropped it is the same, without a padded copy.
        skip_y, skip_x = (int(size % 2 == 0) for size in x.shape[-2:])
        padding = (1 + skip_y, 1 + skip_x)
        x = functional.conv2d(x, self.weight, None, self.stride, padding, 1, self.groups)
        return x[..., skip_y:, skip_x:].contiguous()


class _ImageNorm(nn.Module):
    """Normalise every channel of every image by its own mean and biased variance.

    A group norm with one channel per group: the values of an instance norm, several times faster on
    the CPU, and defined for a single cell too (the answer is the bias).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.group_norm(x, x.shape[1], self.weight, self.bias, _EPSILON)


class _ConvNorm(nn.Module):
    """Convolution, per-image norm and, unless it projects, ReLU6."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.conv = _SameConv2d(channels_in, channels_out, kernel, stride=stride, groups=groups)
        self.norm = _ImageNorm(channels_out)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return functional.relu6(x, inplace=True) if self.activation else x


class _Expand(_ConvNorm):
    """1x1 convolution to six times the channels, per-image norm, ReLU6.

    The mean and variance of ``W x`` follow from those of ``x``: ``W mean(x)`` and
    ``diag(W cov(x) W^T)``. So the norm is folded into the weights before the product, and the
    widest tensors of the network are written once instead of three times: half of the backbone's
    time on the CPU, and no less accurate.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = x.flatten(2)
        x = x - x.mean(dim=-1, keepdim=True)
        centred = x.float()  # float16 would overflow in the sum over the cells
        covariance = centred @ centred.mT / (height * width)
        weight = self.conv.weight[:, :, 0, 0].float()
        variance = (weight @ covariance * weight).sum(dim=-1, keepdim=True).clamp(min=0)
        weight = weight * self.norm.weight[:, None] * torch.rsqrt(variance + _EPSILON)
        x = torch.baddbmm(self.norm.bias[:, None], weight.to(x.dtype), x)
        return functional.relu6(x, inplace=True).view(*x.shape[:2], height, width)


class _Block(nn.Module):
    """An inverted residual: expand (1x1), depthwise (3x3), project (1x1, no activation)."""

    def __init__(self, channels_in: int, expanded: int, channels_out: int, stride: int) -> None:
        super().__init__()
        narrow = expanded == channels_in
        self.expand = nn.Identity() if narrow else _Expand(channels_in, expanded)
        self.depthwise = _ConvNorm(expanded, expanded, 3, stride=stride, groups=expanded)
        self.project = _ConvNorm(expanded, channels_out, 1, activation=False)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return y + x if self.residual else y


class _SeparableLayer(nn.Module):
    """Depthwise convolution (no norm, no activation), then 1x1 convolution, batch norm, ReLU."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, activation: bool = True
    ) -> None:
        super().__init__()
        self.depthwise = _SameConv2d(channels_in, channels_in, kernel, groups=channels_in)
        self.pointwise = _SameConv2d(channels_in, channels_out, 1)
        self.norm = nn.BatchNorm2d(channels_out, eps=_EPSILON)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        if self.depthwise.kernel_size == (1, 1):
            # One factor per channel: in the weights it costs nothing, as a convolution of as many
            # groups as channels it costs more than the layer.
            factor = self.depthwise.weight.view(1, -1, 1, 1)
            x = functional.conv2d(x, self.pointwise.weight * factor)
        else:
            x = self.pointwise(self.depthwise(x))
        x = self.norm(x)
        return functional.relu(x, inplace=True) if self.activation else x


def _branch(channels_in: int, wide: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        _SeparableLayer(channels_in, 64, 3),
        _SeparableLayer(64, 64, 3),
        _SeparableLayer(64, 64, 3),
        _SeparableLayer(64, wide, 1),
        _SeparableLayer(wide, channels_out, 1, activation=False),
    )


class _Stage(nn.Module):
    """Two branches over the same input: part affinity fields and heatmaps."""

    def __init__(self, channels_in: int, wide: int) -> None:
        super().__init__()
        self.pafs = _branch(channels_in, wide, _PAFS)
        self.heatmaps = _branch(channels_in, wide, _HEATMAPS)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.pafs(x), self.heatmaps(x)


def _legacy_bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize [N, C, h, w] to ``size`` as TensorFlow did before half-pixel centres.

    Pixel ``i`` of an axis reads position ``i * (old / new)``; the last pixel repeats beyond it.
    """
    for axis, new in ((-1, size[1]), (-2, size[0])):
        old = x.shape[axis]
        position = torch.arange(new, device=x.device, dtype=torch.float32) * (old / new)
        lower = position.to(torch.int64).clamp_(max=old - 1)
        upper = (lower + 1).clamp_(max=old - 1)
        weight = (position - lower).to(x.dtype)
        if axis == -2:
            weight = weight.unsqueeze(-1)
        x = torch.lerp(x.index_select(axis, lower), x.index_select(axis, upper), weight)
    return x


class OpenPoseMobileNetV2Small(nn.Module):
    """COCO-18 heatmaps and part affinity fields from a 485 thousand parameter network.

    Raw grey levels go in: the first norm removes any scale. No activation on the outputs, so values
    may be slightly below 0 or above 1.
    """

    task: ClassVar[Task] = "body"
    skeleton: ClassVar[Skeleton] = COCO18
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec(norm_scale=1.0, norm_offset=0.0)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _ConvNorm(3, _BLOCKS[0][0], 3, stride=2)
        self.blocks = nn.ModuleList(_Block(*block) for block in _BLOCKS)
        refined = _FEATURES + _PAFS + _HEATMAPS
        self.stages = nn.ModuleList(
            _Stage(_FEATURES, 256) if i == 0 else _Stage(refined, 64) for i in range(_NUM_STAGES)
        )

    def features(self, x: Tensor) -> Tensor:
        """Backbone features [N, 64, ceil(H/8), ceil(W/8)] of images [N, 3, H, W]."""
        x = self.stem(x)
        fine = x
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == _STRIDE_8_BLOCK:
                fine = x
        return torch.cat([fine, _legacy_bilinear(x, (fine.shape[-2], fine.shape[-1]))], dim=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], BGR, 0..255. Any size from 1x1; each image is answered as if
                it were alone.

        Returns:
            Heatmaps [N, 19, h, w] (18 keypoints and the background) and PAFs [N, 38, h, w], with
            ``h = ceil(H / 8)`` and ``w = ceil(W / 8)``.
        """
        features = self.features(x)
        if features.device.type == "cpu":
            # Depthwise convolutions like channels last on the CPU: 10 % off the stages on one
            # thread, 40 % on two, same bits. The backbone's norms lose by it, accuracy too.
            features = features.contiguous(memory_format=torch.channels_last)
        pafs, heatmaps = self.stages[0](features)
        for stage in self.stages[1:]:
            pafs, heatmaps = stage(torch.cat([pafs, heatmaps, features], dim=1))
        return heatmaps.contiguous(), pafs.contiguous()

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout."""
        names = _tensorflow_names()
        known = {names.get(key, key) for key in state_dict}
        return {"stem.conv.weight", "stages.5.heatmaps.4.pointwise.weight"} <= known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout (the module's or TensorFlow's) to that of the module."""
        return from_tensorflow_names(state_dict)


def from_tensorflow_names(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the variables of the TensorFlow graph to the keys of the module.

    Args:
        state_dict: Tensors by TensorFlow variable name, already in PyTorch's layout (OIHW, and
            [C, 1, k, k] for depthwise).

    Returns:
        The same tensors by the names of ``OpenPoseMobileNetV2Small.state_dict()``; unknown names
        are kept as they are. TensorFlow has no batch counters: they are 0.
    """
    names = _tensorflow_names()
    renamed = {names.get(name, name): tensor for name, tensor in state_dict.items()}
    counters = [
        key.replace("running_mean", "num_batches_tracked")
        for key in renamed
        if key.endswith("running_mean")
    ]
    return {**{key: torch.tensor(0) for key in counters}, **renamed}


def _tensorflow_names() -> dict[str, str]:
    """TensorFlow variable name -> key of the module."""
    names = {}

    def conv_norm(theirs: str, ours: str, weights: str = "weights") -> None:
        names[f"{theirs}/{weights}"] = f"{ours}.conv.weight"
        names[f"{theirs}/BatchNorm/gamma"] = f"{ours}.norm.weight"
        names[f"{theirs}/BatchNorm/beta"] = f"{ours}.norm.bias"

    conv_norm("MobilenetV2/Conv", "stem")
    for i in range(len(_BLOCKS)):
        block = "MobilenetV2/expanded_conv" + (f"_{i}" if i else "")
        conv_norm(f"{block}/expand", f"blocks.{i}.expand")
        conv_norm(f"{block}/depthwise", f"blocks.{i}.depthwise", "depthwise_weights")
        conv_norm(f"{block}/project", f"blocks.{i}.project")

    for stage in range(_NUM_STAGES):
        for branch, maps in (("L1", "pafs"), ("L2", "heatmaps")):
            for layer in range(_NUM_LAYERS):
                theirs = f"Openpose/MConv_Stage{stage + 1}_{branch}_{layer + 1}"
                ours = f"stages.{stage}.{maps}.{layer}"
                names[f"{theirs}_depthwise/depthwise_weights"] = f"{ours}.depthwise.weight"
                names[f"{theirs}_pointwise/weights"] = f"{ours}.pointwise.weight"
                norm = f"{theirs}_pointwise/BatchNorm"
                names[f"{norm}/Const"] = f"{ours}.norm.weight"
                names[f"{norm}/beta"] = f"{ours}.norm.bias"
                names[f"{norm}/moving_mean"] = f"{ours}.norm.running_mean"
                names[f"{norm}/moving_variance"] = f"{ours}.norm.running_var"
    return names
