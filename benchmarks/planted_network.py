"""A network that answers with planted people, whatever it was shown.

Random weights find nobody, or everybody; what comes after the network would be timed on nonsense.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from heatpose import demo


class PlantedNetwork(nn.Module):
    """Runs a network, if there is one, and answers with the maps of a planted crowd.

    Args:
        network: What is run and whose answer is dropped; None answers at once.
        spec: The ``input_spec`` of the answers.
        people: In each photo.
        canvas: (H, W) of the photos.
    """

    def __init__(
        self, network: nn.Module | None, spec: Any, people: int, canvas: tuple[int, int]
    ) -> None:
        super().__init__()
        self.network = network
        self.input_spec = spec
        self.people = people
        self.canvas = canvas
        self._maps: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.network is not None:
            self.network(x)
        stride = self.input_spec.stride
        cells = (x.shape[2] // stride, x.shape[3] // stride)
        if cells not in self._maps:
            planted = demo.planted_crowd(
                self.people, cells=cells, canvas=self.canvas, stride=stride, noise=0.01
            )[:2]
            heatmaps, pafs = (torch.from_numpy(np.ascontiguousarray(m)[None]) for m in planted)
            self._maps[cells] = heatmaps, pafs
        heatmaps, pafs = self._maps[cells]
        return heatmaps.expand(len(x), -1, -1, -1), pafs.expand(len(x), -1, -1, -1)
