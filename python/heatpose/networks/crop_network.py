"""What the networks share whose size and task are told by a checkpoint: one crop in, maps out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from heatpose.networks.crop_spec import CropSpec

Task = Literal["body", "hand", "wholebody", "face"]
"""What a network finds the keypoints of."""

_TASKS: dict[int, Task] = {14: "body", 17: "body", 21: "hand", 133: "wholebody"}


class CropNetwork(nn.Module):
    """A network whose class serves several tasks.

    Args:
        keypoints: Number of maps, at least 1.
        crop_spec: As of the attribute.

    Raises:
        ValueError: no keypoints.

    Attributes:
        crop_spec: How a box of a photo becomes the input.
        keypoints: Number of maps.
        right_hands_only: Whether the weights have seen right hands alone, so that the crop of a
            left one is to be mirrored. Nothing in a checkpoint tells it: set it on the network
            where it is known, as for weights of FreiHAND.
    """

    right_hands_only: bool = False

    def __init__(self, keypoints: int, crop_spec: CropSpec) -> None:
        super().__init__()
        if keypoints < 1:
            raise ValueError(f"keypoints: expected at least 1, got {keypoints}")
        self.keypoints = keypoints
        self.crop_spec = crop_spec

    @property
    def task(self) -> Task | None:
        """The task by the number of keypoints, None where the number is of no published model."""
        return _TASKS.get(self.keypoints)


def channels_out(state_dict: Mapping[str, Tensor], key: str) -> int:
    """Channels that a convolution of a checkpoint makes.

    Args:
        state_dict: Tensors by name; it holds ``key``.
        key: Name of the convolution's weights.

    Returns:
        The first of their four sizes.

    Raises:
        ValueError: they do not have four.
    """
    weight = state_dict[key]
    if weight.ndim != 4:
        raise ValueError(
            f"state_dict: expected {key} to be a convolution's, with 4 sizes, got shape "
            f"{tuple(weight.shape)}"
        )
    return weight.shape[0]
