"""The layers of VGG-19 that OpenPose's networks start with, and how lists of layers are run."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn import functional

Layer = tuple[str, int, int, int]
"""(name, channels in, channels out, kernel) of a convolution that keeps the size."""

VGG19_TRUNK: tuple[Layer | None, ...] = (
    ("conv1_1", 3, 64, 3),
    ("conv1_2", 64, 64, 3),
    None,
    ("conv2_1", 64, 128, 3),
    ("conv2_2", 128, 128, 3),
    None,
    ("conv3_1", 128, 256, 3),
    ("conv3_2", 256, 256, 3),
    ("conv3_3", 256, 256, 3),
    ("conv3_4", 256, 256, 3),
    None,
    ("conv4_1", 256, 512, 3),
)
"""From the image to 512 channels at an eighth of its size; None is a 2x2 max pool."""


def add_convs(network: nn.Module, layers: Iterable[Layer | None]) -> None:
    """Give a network the convolutions of a list, each under its own name."""
    for layer in layers:
        if layer is not None:
            name, channels_in, channels_out, kernel = layer
            conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)
            network.add_module(name, conv)


def run_with_relu(network: nn.Module, layers: Iterable[Layer | None], x: Tensor) -> Tensor:
    """Run the layers of a list in order, a ReLU after every convolution."""
    for layer in layers:
        if layer is None:
            x = functional.max_pool2d(x, 2)
        else:
            x = functional.relu(network.get_submodule(layer[0])(x), inplace=True)
    return x
