"""OpenPose's BODY_25 network: VGG-19 features, four stages of fields, two of heatmaps.

Source: Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
2019, and the layers of the published ``pose_iter_584000`` model. The keys of the state dict are the
layer names of that model, flat: ``prelu4_2.weight``, ``Mconv5_stage1_L1_2.bias``. Unlike in the
COCO-18 network, the fields (L2) are refined first and the heatmaps (L1) see the finished fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from heatpose.networks.crop_network import Task
from heatpose.networks.input_spec import InputSpec
from heatpose.networks.vgg19_trunk import VGG19_TRUNK, Layer, add_convs, run_with_relu
from heatpose.skeletons import BODY25, Skeleton

_HEATMAPS, _PAFS = 26, 52
_FEATURES = 128

# The layers of the backbone after those with a ReLU: a PReLU follows each of them.
_BACKBONE_END: tuple[Layer, ...] = (
    ("conv4_2", 512, 512, 3),
    ("conv4_3_CPM", 512, 256, 3),
    ("conv4_4_CPM", 256, _FEATURES, 3),
)
_BLOCKS = range(1, 6)


class _Stage(NamedTuple):
    """One stage: five blocks of three 3x3 layers, then two 1x1 layers."""

    name: str
    channels_in: int
    width: int  # of each 3x3 layer
    hidden: int  # between the two 1x1 layers
    maps: int

    def block(self, i: int) -> list[Layer]:
        """The three layers of block i, 1..5; the next block sees the outputs of all three."""
        channels_in = self.channels_in if i == 1 else 3 * self.width
        name = f"Mconv{i}_{self.name}"
        return [
            (f"{name}_0", channels_in, self.width, 3),
            (f"{name}_1", self.width, self.width, 3),
            (f"{name}_2", self.width, self.width, 3),
        ]

    @property
    def before_last(self) -> Layer:
        return (f"Mconv6_{self.name}", 3 * self.width, self.hidden, 1)

    @property
    def last(self) -> Layer:
        return (f"Mconv7_{self.name}", self.hidden, self.maps, 1)


_PAF_STAGES = (
    _Stage("stage0_L2", _FEATURES, 96, 256, _PAFS),
    *(_Stage(f"stage{i}_L2", _FEATURES + _PAFS, 128, 512, _PAFS) for i in range(1, 4)),
)
_HEATMAP_STAGES = (
    _Stage("stage0_L1", _FEATURES + _PAFS, 96, 256, _HEATMAPS),
    _Stage("stage1_L1", _FEATURES + _HEATMAPS + _PAFS, 128, 512, _HEATMAPS),
)


class OpenPoseBody25(nn.Module):
    """BODY_25 heatmaps and part affinity fields from a 26 million parameter network."""

    task: ClassVar[Task] = "body"
    skeleton: ClassVar[Skeleton] = BODY25
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec()

    def __init__(self) -> None:
        super().__init__()
        add_convs(self, VGG19_TRUNK)
        self._add_with_prelu(_BACKBONE_END)
        for stage in (*_PAF_STAGES, *_HEATMAP_STAGES):
            for i in _BLOCKS:
                self._add_with_prelu(stage.block(i))
            self._add_with_prelu([stage.before_last])
            add_convs(self, [stage.last])

    def features(self, x: Tensor) -> Tensor:
        """Backbone features [N, 128, H // 8, W // 8] of images [N, 3, H, W]."""
        x = run_with_relu(self, VGG19_TRUNK, x)
        for layer in _BACKBONE_END:
            x = self._run_with_prelu(layer, x)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], BGR, ``grey / 256 - 0.5``. H and W at least 8; what is beyond a
                multiple of 8 is not seen by the last cells, so pad to one.

        Returns:
            Heatmaps [N, 26, H // 8, W // 8] (25 keypoints and the background) and PAFs
            [N, 52, H // 8, W // 8].
        """
        features = self.features(x)
        pafs = self._stage(_PAF_STAGES[0], features)
        for stage in _PAF_STAGES[1:]:
            pafs = self._stage(stage, torch.cat([features, pafs], dim=1))
        heatmaps = self._stage(_HEATMAP_STAGES[0], torch.cat([features, pafs], dim=1))
        for stage in _HEATMAP_STAGES[1:]:
            heatmaps = self._stage(stage, torch.cat([features, heatmaps, pafs], dim=1))
        return heatmaps, pafs

    def _stage(self, stage: _Stage, x: Tensor) -> Tensor:
        for i in _BLOCKS:
            outputs = []
            for layer in stage.block(i):
                x = self._run_with_prelu(layer, x)
                outputs.append(x)
            x = torch.cat(outputs, dim=1)
        maps: Tensor = self.get_submodule(stage.last[0])(self._run_with_prelu(stage.before_last, x))
        return maps

    def _add_with_prelu(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            add_convs(self, [layer])
            self.add_module(_prelu_of(layer), nn.PReLU(layer[2]))

    def _run_with_prelu(self, layer: Layer, x: Tensor) -> Tensor:
        activated: Tensor = self.get_submodule(_prelu_of(layer))(self.get_submodule(layer[0])(x))
        return activated

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout."""
        return {"prelu4_2.weight", "Mconv7_stage1_L1.weight"} <= {_flat(key) for key in state_dict}

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Flat names, or names below the blocks of the common PyTorch copies
                (``model0.prelu4_2.weight``, ``models.Mconv1_stage0_L2.0.Mconv1_stage0_L2_0.bias``,
                ``models.Mconv6_7_stage1_L1.1.Mconv7_stage1_L1.bias``).

        Returns:
            The same tensors by flat names; unknown keys are kept as they are.
        """
        return {_flat(key): tensor for key, tensor in state_dict.items()}


def _prelu_of(layer: Layer) -> str:
    """The name of the PReLU after a layer: ``prelu4_2`` after ``conv4_2``."""
    return layer[0].replace("conv", "prelu")


def _flat(key: str) -> str:
    return re.sub(r"^(model0|models\.\w+\.\d)\.", "", key)
