"""OpenPose's networks for one hand and for one face: VGG-19 features and six stages of heatmaps.

Source: Simon et al., "Hand Keypoint Detection in Single Images using Multiview Bootstrapping",
2017, and the layers of the published ``pose_iter_102000`` (hand) and ``pose_iter_116000`` (face)
models. The keys of the state dict are the layer names of those models, flat:
``conv6_2_CPM.weight``, ``Mconv7_stage6.bias``. The two differ in the number of maps alone.
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

_FEATURES = 128
_BACKBONE: tuple[Layer | None, ...] = (
    *VGG19_TRUNK,
    ("conv4_2", 512, 512, 3),
    ("conv4_3", 512, 512, 3),
    ("conv4_4", 512, 512, 3),
    ("conv5_1", 512, 512, 3),
    ("conv5_2", 512, 512, 3),
    ("conv5_3_CPM", 512, _FEATURES, 3),
)
_REFINING_STAGES = range(2, 7)


def _stage_layers(stage: int, maps: int) -> list[Layer]:
    """The layers of one stage, in order."""
    if stage == 1:
        return [("conv6_1_CPM", _FEATURES, 512, 1), ("conv6_2_CPM", 512, maps, 1)]
    end = f"_stage{stage}"
    return [
        (f"Mconv1{end}", maps + _FEATURES, 128, 7),
        *((f"Mconv{i}{end}", 128, 128, 7) for i in range(2, 6)),
        (f"Mconv6{end}", 128, 128, 1),
        (f"Mconv7{end}", 128, maps, 1),
    ]


class _OneBranchNetwork(nn.Module):
    """What the two networks share: all but the number of maps."""

    task: ClassVar[Task]
    right_hands_only: bool = False
    input_spec: ClassVar[InputSpec] = InputSpec()
    maps: ClassVar[int]
    """Channels of the output: the keypoints, then the background."""

    def __init__(self) -> None:
        super().__init__()
        add_convs(self, _BACKBONE)
        for stage in (1, *_REFINING_STAGES):
            add_convs(self, _stage_layers(stage, self.maps))

    def features(self, x: Tensor) -> Tensor:
        """Backbone features [N, 128, H // 8, W // 8] of images [N, 3, H, W]."""
        return run_with_relu(self, _BACKBONE, x)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: float32 [N, 3, H, W], BGR, ``grey / 256 - 0.5``. H and W at least 8; what is beyond a
                multiple of 8 is not seen by the last cells, so pad to one.

        Returns:
            Heatmaps [N, maps, H // 8, W // 8]: the keypoints, and the background last.
        """
        features = self.features(x)
        heatmaps = self._stage(features, 1)
        for stage in _REFINING_STAGES:
            heatmaps = self._stage(torch.cat([heatmaps, features], dim=1), stage)
        return heatmaps

    def _stage(self, x: Tensor, stage: int) -> Tensor:
        *hidden, (last, *_) = _stage_layers(stage, self.maps)
        heatmaps: Tensor = self.get_submodule(last)(run_with_relu(self, hidden, x))
        return heatmaps

    @classmethod
    def recognises(cls, state_dict: Mapping[str, Tensor]) -> bool:
        """Whether a checkpoint is one of this network, whatever its key layout.

        Takes the tensors and not their names alone: hands and faces have the same names.
        """
        last = cls.normalise_keys(state_dict).get("Mconv7_stage6.weight")
        return last is not None and last.shape[:1] == (cls.maps,)

    @staticmethod
    def normalise_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a known key layout to that of the module.

        Args:
            state_dict: Flat names, or names below the blocks of the common PyTorch copies
                (``model1_0.conv1_1.weight``, ``model6.Mconv7_stage6.bias``).

        Returns:
            The same tensors by flat names; unknown keys are kept as they are.
        """
        return {re.sub(r"^model\d(_[01])?\.", "", key): part for key, part in state_dict.items()}


class OpenPoseHand(_OneBranchNetwork):
    """Heatmaps of the 21 keypoints of a hand and of the background: 36.8 million parameters.

    It was trained on right hands: mirror the crop of a left one.
    """

    task = "hand"
    right_hands_only = True
    maps = 22


class OpenPoseFace(_OneBranchNetwork):
    """Heatmaps of 70 points of a face and of the background: 38.4 million parameters.

    The points are the 68 of the iBUG scheme and the two pupils.
    """

    task = "face"
    maps = 71
