"""Hand poses as pytorch-openpose gives them: 21 places of whole pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from heatpose.adapters import openpose_python
from heatpose.adapters.openpose_python import Int64, content_of, per_scale, photo_size

if TYPE_CHECKING:
    import torch
    from torch import nn


def decode_hand(
    heatmaps: Any, size: Any, *, pads: Any = None, stride: int = 8, threshold: float = 0.05
) -> Int64:
    """All that ``Hand.__call__`` does after its network.

    Args:
        heatmaps: [1, 22, h, w] or [22, h, w] (the background may be missing), or a list of them,
            one per scale. Arrays or tensors on any device.
        size: The crop, or its (height, width) in pixels.
        pads: (up, left, down, right) of ``util.padRightDownCorner``, one per scale. None: no scale
            was padded.
        stride: Input pixels per cell.
        threshold: Of the smoothed maps.

    Returns:
        int64 [21, 2], (x, y) in pixels of the crop; (0, 0) where missing.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.
    """
    stack = per_scale("heatmaps", heatmaps, (22, 21))
    return openpose_python.decode_hand(
        stack,
        photo_size("size", size),
        content=content_of(stack, pads, stride),
        stride=stride,
        threshold=threshold,
    )


class Hand:
    """``peaks = Hand(model_path)(crop)``.

    Args:
        model_path: Weight file of the network (``hand_pose_model.pth``, or any file that
            :func:`heatpose.weights.convert.read_checkpoint` reads), or a network: a module that
            maps [1, 3, H, W] to 22 heatmaps.
        scale_search: Scales of the search, each times 368 pixels of height.
        device: "auto": the first CUDA device, or the CPU; a module stays where it is.

    Attributes:
        model: The network, which is put into evaluation mode.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: other weights, no such device, or a scale that is not above 0.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str] | nn.Module,
        *,
        scale_search: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
        device: str | torch.device = "auto",
    ) -> None:
        from heatpose.adapters.openpose_networks import MapSearch, hand_network

        self.model = hand_network(model_path)
        self._search = MapSearch(self.model, scales=scale_search, device=device)

    def __call__(self, oriImg: Any) -> Int64:  # noqa: N803
        """Find the keypoints of the hand in a crop.

        Args:
            oriImg: uint8 [H, W, 3], BGR. The network was trained on right hands: a left one is
                found better in a mirrored crop.

        Returns:
            int64 [21, 2], (x, y) in pixels of the crop; (0, 0) where missing.

        Raises:
            TypeError: not a uint8 array.
            ValueError: another shape, or a network with other outputs.
        """
        (heatmaps,), content = self._search(oriImg, outputs=(22,))
        return openpose_python.decode_hand(heatmaps, photo_size("oriImg", oriImg), content=content)
