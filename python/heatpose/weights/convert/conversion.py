"""A weight file of any known format, checked against its network and written as safetensors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

import heatpose
from heatpose.files import write_atomically
from heatpose.networks import NETWORKS, network_for, network_named
from heatpose.weights.convert.checkpoint import read_checkpoint
from heatpose.weights.load import load_into

_NAMES_SHOWN = 4
_CHUNK = 1 << 20  # bytes


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    architecture: str | None = None,
) -> str:
    """Write the weights of a file of any known format as safetensors, by our networks' names.

    The weights go through the network, so every name and shape is checked; they are float32
    afterwards. The target is written in one step, with the architecture, the source's name, its
    sha256 and heatpose's version in its header.

    Args:
        source: A file that ``read_checkpoint`` reads.
        target: The file to make or to replace.
        architecture: The network, a key of ``NETWORKS``; told by the names of the tensors if not
            given.

    Returns:
        One line about what was written.

    Raises:
        FileNotFoundError: there is no source, or no folder for the target.
        ImportError: reading the source needs a library that is not installed.
        ValueError: the target is the source; the architecture or the format is unknown; the file
            is damaged or of no network here, or does not fit it, or has numbers that are none.
    """
    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise ValueError(f"target: {target} is the source itself")
    state_dict = read_checkpoint(source)
    try:
        name, network = _network_of(state_dict, architecture)
        load_into(network, state_dict)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None
    del state_dict  # large networks are hundreds of megabytes, and there are copies to come
    weights = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
    broken = [key for key, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise ValueError(f"{source}: not all numbers are finite in {_some(broken)}")
    metadata = {
        "architecture": name,
        "format": "pt",
        "heatpose": heatpose.__version__,
        "source": source.name,
        "source_sha256": _sha256(source),
    }
    write_atomically(target, safetensors.torch.save(weights, metadata))
    count = sum(parameter.numel() for parameter in network.parameters())
    return f"{target}: {name}, {len(weights)} tensors, {count / 1e6:.2f} million parameters"


def _network_of(
    state_dict: Mapping[str, Tensor], architecture: str | None
) -> tuple[str, nn.Module]:
    """The network of these weights, still with random ones, and its name in ``NETWORKS``."""
    if architecture is None:
        network: nn.Module = network_for(state_dict)
        return next(name for name, kind in NETWORKS.items() if kind is type(network)), network
    if architecture not in NETWORKS:
        raise ValueError(
            f"architecture: expected one of {', '.join(NETWORKS)}, got {architecture!r}"
        )
    return architecture, network_named(architecture, state_dict)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _some(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
