"""OpenPose's two-branch network for the 14 keypoints of the AI Challenger.

The layers are those of the COCO-18 network with other names in the first stage and fewer maps. The
keys of the state dict are the layer names of the Keras model: ``Mconv5_stage1_L2.bias``. No trained
weights are published.

Sources: Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", 2017;
the Keras model of foamliu/Keypoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from heatpose.networks.crop_network import Task
from heatpose.networks.input_spec import InputSpec
from heatpose.networks.vgg19_trunk import VGG19_TRUNK, Layer, add_convs, run_with_relu
from heatpose.skeletons import AIC14, Skeleton

_HEATMAPS, _PAFS = 15, 30
_FEATURES = 128
_BRANCHES = {"L1": _PAFS, "L2": _HEATMAPS}

_BACKBONE: tuple[Layer | None, ...] = (
    *VGG19_TRUNK,
    ("conv4_2", 512, 512, 3),
    ("conv4_3_CPM", 512, 256, 3),
    ("conv4_4_CPM", 256, _FEATURES, 3),
)
_REFINING_STAGES = range(2, 7)

# A variable of Keras: "conv1_1/kernel:0" or, in an hdf5 file, "conv1_1/conv1_1_1/kernel:0".
_KERAS_KEY = re.compile(r"^(\w+)/(?:\w+/)?(kernel|bias)(?::0)?$")


def _branch_layers(stage: int, branch: str) -> list[Layer]:
    """The layers of one branch of a stage, in order."""
    maps = _BRANCHES[branch]
    end = f"_stage{stage}_{branch}"
    if stage == 1:
        return [
            *((f"Mconv{i}{end}", _FEATURES, 128, 3) for i in range(1, 4)),
            (f"Mconv4{end}", 128, 512, 1),
            (f"Mconv5{end}", 512, maps, 1),
        ]
    return [
        (f"Mconv1{end}", _PAFS + _HEATMAPS + _FEATURES, 128, 7),
        *((f"Mconv{i}{end}", 128, 128, 7) for i in range(2, 6)),
        (f"Mconv6{end}", 128, 128, 1),
        (f"Mconv7{end}", 128, maps, 1),
    ]


class OpenPoseAIC14(nn.Module):
    """Heatmaps of 14 keypoints and the background, and part affinity fields of 15 limbs.

    The masks that the Keras model multiplies its outputs by are for training, and not here.
    """

    task: ClassVar[Task] = "body"
    skeleton: ClassVar[Skeleton] = AIC14
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec()

    def __init__(self) -> None:
        super().__init__()
        add_convs(self, _BACKBONE)
        for stage in (1, *_REFINING_STAGES):
            for branch in _BRANCHES:
                add_convs(self, _branch_layers(stage, branch))

    def features(self, x: Tensor) -> Tensor:
        """Backbone features [N, 128, H // 8, W // 8] of images [N, 3, H, W]."""
        return run_with_relu(self, _BACKBONE, x)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], BGR, ``grey / 256 - 0.5`` (which the Keras model does itself).
                H and W at least 8; what is beyond a multiple of 8 is not seen by the last cells, so
                pad to one.

        Returns:
            Heatmaps [N, 15, H // 8, W // 8] (the background last) and PAFs
            [N, 30, H // 8, W // 8].
        """
        return self.stages(x)[-1]

    def stages(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(heatmaps, pafs) of every stage, the first stage first; for images as of ``forward``."""
        features = self.features(x)
        pafs, heatmaps = (self._branch(features, 1, branch) for branch in _BRANCHES)
        answers = [(heatmaps, pafs)]
        for stage in _REFINING_STAGES:
            refined = torch.cat([pafs, heatmaps, features], dim=1)
            pafs, heatmaps = (self._branch(refined, stage, branch) for branch in _BRANCHES)
            answers.append((heatmaps, pafs))
        return answers

    def _branch(self, x: Tensor, stage: int, branch: str) -> Tensor:
        *hidden, (last, *_) = _branch_layers(stage, branch)
        maps: Tensor = self.get_submodule(last)(run_with_relu(self, hidden, x))
        return maps

    @staticmethod
    def recognises(state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout.

        The COCO-18 network has the same names from the second stage on, and others in the first.
        """
        known = {_renamed(key) for key in state_dict}
        return {"Mconv5_stage1_L2.weight", "Mconv7_stage6_L2.weight"} <= known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Tensors by the module's names or by Keras' (``conv1_1/kernel:0``, with or
                without the folder that hdf5 files repeat), already in PyTorch's layout (OIHW).

        Returns:
            The same tensors by the module's names; unknown keys are kept as they are.
        """
        return {_renamed(key): tensor for key, tensor in state_dict.items()}


def _renamed(key: str) -> str:
    match = _KERAS_KEY.match(key)
    if match is None:
        return key
    return f"{match[1]}.{'weight' if match[2] == 'kernel' else 'bias'}"
