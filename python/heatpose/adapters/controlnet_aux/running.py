"""How controlnet_aux prepares a picture for a network, and what comes back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from heatpose.adapters._arrays import real_numbers
from heatpose.adapters.pytorch_openpose.util import padRightDownCorner
from heatpose.native import cuda_status
from heatpose.ops import Size

STRIDE, PAD_VALUE = 8, 128


def resized(picture: Any, size: Size, factor: float) -> Any:
    """A picture of another size: areas where it shrinks, LANCZOS4 where it grows."""
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LANCZOS4
    return cv2.resize(picture, size[::-1], interpolation=way)


def run(network: nn.Module, picture: Any) -> tuple[list[torch.Tensor], Size]:
    """The outputs of a network for a picture.

    Args:
        network: Maps [1, 3, H, W] to maps of a stride of 8, or to several of them.
        picture: uint8 [H, W, 3].

    Returns:
        The outputs [1, C, h, w], and what of the input was picture.
    """
    padded, _ = padRightDownCorner(picture, STRIDE, PAD_VALUE)
    grey = padded.astype(np.float32).transpose(2, 0, 1)[None] / 256 - 0.5
    parameter = next(network.parameters(), None)
    batch = torch.from_numpy(np.ascontiguousarray(grey))
    with torch.no_grad():
        outputs = network(batch if parameter is None else batch.to(parameter.device))
    several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    return several, (picture.shape[0], picture.shape[1])


def to_decoder(maps: torch.Tensor) -> Any:
    """Maps [1, C, h, w] as [C, h, w] where they are decoded.

    That is the network's device where heatpose can use it too, else float32 in NumPy.
    """
    if maps.device.type == "cuda" and cuda_status().usable:
        return real_numbers("maps", maps[0])
    return maps[0].float().cpu().numpy()


def check_picture(name: str, picture: Any) -> None:
    """Make sure that a picture is one.

    Raises:
        TypeError: not a uint8 array.
        ValueError: not [H, W, 3], or without pixels.
    """
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        given = getattr(picture, "dtype", type(picture).__name__)
        raise TypeError(f"{name} must be a uint8 array, got {given}")
    if picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"{name} must have shape (H, W, 3), got {picture.shape}")
