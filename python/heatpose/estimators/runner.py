"""A network on its device: pictures go there, and maps stay there or come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from heatpose.native import cuda_status


class Runner:
    """Runs a network where, and in the element type that, an estimator was asked for.

    Attributes:
        network: In evaluation mode, on ``device`` in ``dtype``.
        device: Where it runs.
        dtype: Its element type.
        decodes_on_device: Whether pictures are prepared and maps decoded on the device too; else
            both happen on the CPU.
    """

    def __init__(self, network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self.decodes_on_device = device.type == "cuda" and cuda_status().usable
        self.network = network.to(device, dtype).eval()

    def upload(self, image: NDArray[np.uint8]) -> Any:
        """The picture where it is prepared."""
        if not self.decodes_on_device:
            return image
        picture = torch.from_numpy(np.require(image, requirements=["C", "W"]))
        return picture.pin_memory().to(self.device, non_blocking=True)

    def to_network(self, batch: Tensor) -> Tensor:
        """A batch as the network takes it."""
        return batch.to(self.device, self.dtype)

    def to_decoder(self, maps: Tensor) -> Any:
        """Maps as the decoders take them: as they are on the device, or float32 in NumPy."""
        return maps if self.decodes_on_device else maps.float().cpu().numpy()

    def describe(self) -> str:
        """The settings, for the repr of an estimator."""
        decodes = f", decodes_on_device={self.decodes_on_device}"
        return (
            f"{type(self.network).__name__}, device={str(self.device)!r}"
            f"{'' if self.device.type == 'cpu' else decodes}, "
            f"dtype={str(self.dtype).removeprefix('torch.')!r}"
        )
