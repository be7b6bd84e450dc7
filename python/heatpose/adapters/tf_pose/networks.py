"""``tf_pose.networks``: which file a network's name means, and sizes as text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from heatpose.weights import fetch

if TYPE_CHECKING:
    from torch import nn

_KNOWN = {
    "mobilenet_v2_small": "tfpose-mobilenet_v2_small",
    "cmu": "openpose-coco18-caffe",  # of which the program's graph was made
}


def get_graph_path(model_name: str) -> str:
    """The weight file of a network, fetched to heatpose's cache if it is not there.

    Args:
        model_name: "mobilenet_v2_small" or "cmu".

    Raises:
        ValueError: another name. The program's other networks are not known here.
        LicenceNotAccepted: the file's terms are not accepted: ``heatpose models fetch``.
        DownloadError: it could not be had.
    """
    if model_name not in _KNOWN:
        raise ValueError(
            f"{model_name} is not known to heatpose: give {' or '.join(_KNOWN)}, or a network"
        )
    return str(fetch(_KNOWN[model_name]))


def model_wh(resolution_str: str) -> tuple[int, int]:
    """(width, height) of a text as "432x368".

    Raises:
        ValueError: another text, or sides that are no multiples of 16.
    """
    sides = str(resolution_str).split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) % 16 == 0 for side in sides):
        raise ValueError(
            f"resolution_str must be as 432x368, multiples of 16, got {resolution_str!r}"
        )
    return int(sides[0]), int(sides[1])


def load_graph(model: str | os.PathLike[str] | nn.Module) -> nn.Module:
    """The network of a weight file, or the user's own.

    Raises:
        TypeError: neither a path nor a module.
        FileNotFoundError: no such file.
        ValueError: the weights of no known body network.
    """
    from torch import nn

    from heatpose.networks import network_for
    from heatpose.weights import load_into
    from heatpose.weights.convert import read_checkpoint

    if isinstance(model, nn.Module):
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(
            "graph_path must be the path of a weight file or a torch module, got "
            f"{type(model).__name__}"
        )
    try:
        weights = read_checkpoint(model)
        network: nn.Module = network_for(weights, task="body")
        load_into(network, weights)
    except ValueError as error:
        prefix = "" if str(model) in str(error) else f"{model}: "
        raise ValueError(f"{prefix}{error}") from None
    return network
