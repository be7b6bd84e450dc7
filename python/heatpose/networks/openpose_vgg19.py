"""OpenPose's COCO-18 body network: VGG-19 features and six two-branch stages.

Source: Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", 2017, and
the layers of the published ``pose_iter_440000`` model. The keys of the state dict are the layer
names of that model, flat: ``conv1_1.weight``, ``Mconv7_stage6_L2.bias``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from heatpose.networks.crop_network import Task
from heatpose.networks.input_spec import InputSpec
from heatpose.networks.vgg19_trunk import VGG19_TRUNK, Layer, add_convs, run_with_relu
from heatpose.skeletons import COCO18, Skeleton

_HEATMAPS, _PAFS = 19, 38
_FEATURES = 128
_BRANCHES = {"L1": _PAFS, "L2": _HEATMAPS}

_BACKBONE: tuple[Layer | None, ...] = (
    *VGG19_TRUNK,
    ("conv4_2", 512, 512, 3),
    ("conv4_3_CPM", 512, 256, 3),
    ("conv4_4_CPM", 256, _FEATURES, 3),
)
_REFINING_STAGES = range(2, 7)


def _branch_layers(stage: int, branch: str) -> list[Layer]:
    """The layers of one branch of a stage, in order."""
    maps = _BRANCHES[branch]
    if stage == 1:
        return [
            (f"conv5_1_CPM_{branch}", _FEATURES, 128, 3),
            (f"conv5_2_CPM_{branch}", 128, 128, 3),
            (f"conv5_3_CPM_{branch}", 128, 128, 3),
            (f"conv5_4_CPM_{branch}", 128, 512, 1),
            (f"conv5_5_CPM_{branch}", 512, maps, 1),
        ]
    end = f"_stage{stage}_{branch}"
    return [
        (f"Mconv1{end}", _PAFS + _HEATMAPS + _FEATURES, 128, 7),
        *((f"Mconv{i}{end}", 128, 128, 7) for i in range(2, 6)),
        (f"Mconv6{end}", 128, 128, 1),
        (f"Mconv7{end}", 128, maps, 1),
    ]


class OpenPoseVGG19(nn.Module):
    """COCO-18 heatmaps and part affinity fields from a 52 million parameter network.

    Args:
        relu_heatmaps: Clip the final heatmaps at 0, as the PyTorch copies of the network do (their
            list of layers without activation misses the last one of the heatmap branch). The
            published model does not.
    """

    task: ClassVar[Task] = "body"
    skeleton: ClassVar[Skeleton] = COCO18
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec()

    def __init__(self, *, relu_heatmaps: bool = False) -> None:
        super().__init__()
        self.relu_heatmaps = relu_heatmaps
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
            x: float32 [N, 3, H, W], BGR, ``grey / 256 - 0.5``. H and W at least 8; what is beyond a
                multiple of 8 is not seen by the last cells, so pad to one.

        Returns:
            Heatmaps [N, 19, H // 8, W // 8] (18 keypoints and the background) and PAFs
            [N, 38, H // 8, W // 8].
        """
        heatmaps, pafs = self.stages(x)[-1]
        return (functional.relu(heatmaps) if self.relu_heatmaps else heatmaps), pafs

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
        """Whether a checkpoint is one of this network, whatever its key layout."""
        # The last branch has the same name in the network for the AI Challenger's keypoints.
        known = {_flat(key) for key in state_dict}
        return {"Mconv7_stage6_L2.weight", "conv5_5_CPM_L2.weight"} <= known

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Flat names, or names below the blocks of the common PyTorch copies
                (``model0.conv1_1.weight``, ``model6_2.Mconv7_stage6_L2.bias``).

        Returns:
            The same tensors by flat names; unknown keys are kept as they are.
        """
        return {_flat(key): tensor for key, tensor in state_dict.items()}


def _flat(key: str) -> str:
    return re.sub(r"^model\d(_[012])?\.", "", key)
