"""Hand poses as controlnet_aux gives them: decoded on a grid of 128 x 128."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from heatpose.adapters import openpose_python
from heatpose.adapters.openpose_python import Int64, per_scale, photo_size

if TYPE_CHECKING:
    import torch
    from torch import nn

_SCALES, _BOX, _GRID, _BLUR = (0.5, 1.0, 1.5, 2.0), 368, 128, 0.8


def decode_hand(heatmaps: Any, size: Any) -> Int64:
    """All that ``Hand.__call__`` does after its network.

    Args:
        heatmaps: [1, 22, h, w] or [22, h, w] (the background may be missing), or a list of them,
            one per scale, each of a square input. Arrays or tensors on any device.
        size: The crop, or its (height, width) in pixels.

    Returns:
        int64 [21, 2], (x, y) in pixels of the crop, from places of the grid by truncation; (0, 0)
        where missing.

    Raises:
        TypeError: an array is of another type.
        ValueError: shapes do not fit.
    """
    stack = per_scale("heatmaps", heatmaps, (22, 21))
    shrink = all(8 * sum(maps.shape[-2:]) >= 2 * _GRID for maps in stack)
    if not shrink:
        raise ValueError(f"heatmaps must be of inputs of at least {_GRID} x {_GRID} pixels")
    height, width = photo_size("size", size)
    places = openpose_python.decode_hand(stack, (_GRID, _GRID), interpolation=("lanczos4", "area"))
    scaled: Int64 = (places * np.array([width, height]) / _GRID).astype(np.int64)
    return scaled


def find_hand(network: nn.Module, crop: Any) -> Int64:
    """What ``Hand.__call__`` gives for a crop, uint8 [H, W, 3] BGR."""
    from heatpose.adapters.controlnet_aux.running import check_picture, resized, run, to_decoder

    check_picture("oriImgRaw", crop)
    soft = cv2.GaussianBlur(crop, (0, 0), _BLUR)
    stack = []
    for scale in _SCALES:
        side = int(scale * _BOX)
        factor = 2 * side / (crop.shape[0] + crop.shape[1])
        outputs, _ = run(network, resized(soft, (side, side), factor))
        stack.append(to_decoder(outputs[-1]))
    return decode_hand(stack, crop)


class Hand:
    """``peaks = Hand(model_path)(crop)``.

    Args:
        model_path: ``hand_pose_model.pth``, or any weight file of that network that
            :func:`heatpose.weights.convert.read_checkpoint` reads; or a network, a module that maps
            [1, 3, H, W] to 22 heatmaps.

    Attributes:
        model: The network, which is put into evaluation mode.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: other weights.
    """

    def __init__(self, model_path: str | os.PathLike[str] | nn.Module) -> None:
        from heatpose.adapters.openpose_networks import hand_network

        self.model = hand_network(model_path).eval()

    def to(self, device: str | torch.device) -> Hand:
        """Move the network to a device."""
        self.model.to(device)
        return self

    def __call__(self, oriImgRaw: Any) -> Int64:  # noqa: N803
        """The keypoints of the hand in a crop, uint8 [H, W, 3] BGR; see :func:`decode_hand`."""
        return find_hand(self.model, oriImgRaw)
