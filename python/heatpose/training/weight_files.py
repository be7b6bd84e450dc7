"""Weights beside and inside the checkpoints of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from heatpose.files import write_atomically
from heatpose.weights.convert import read_checkpoint

_PREFIX = "network."


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a weight file of any known format, or of a checkpoint of a training.

    Of a checkpoint they are those of the network: the averaged ones, if there are any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: an unknown format.
    """
    state_dict = read_checkpoint(path)
    return _of_network(state_dict) or dict(state_dict)


def weights_of(checkpoint: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The network's tensors in a checkpoint of a training: the averaged ones, if there are any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no such checkpoint.
    """
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    tensors = _of_network(state) if isinstance(state, Mapping) else {}
    if not tensors:
        raise ValueError(f"{checkpoint} is no checkpoint of a training of heatpose")
    return {key: tensor.clone() for key, tensor in tensors.items()}


def save_weights(
    state_dict: Mapping[str, Tensor], path: str | os.PathLike[str], *, half: bool = False
) -> None:
    """Write tensors as safetensors, in one step.

    Args:
        state_dict: Tensors by name.
        path: The file.
        half: Whether floating-point tensors are written as float16, in half of the bytes.

    Raises:
        ValueError: a value does not fit into float16.
    """
    tensors = {}
    for name, tensor in state_dict.items():
        kept = tensor.detach().cpu().contiguous()
        if half and kept.is_floating_point():
            kept = kept.half()
            if not kept.isfinite().all():
                raise ValueError(f"{name} has values that float16 cannot hold")
        tensors[name] = kept
    write_atomically(path, safetensors.torch.save(tensors))


def _of_network(state: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        key.removeprefix(_PREFIX): tensor
        for key, tensor in state.items()
        if key.startswith(_PREFIX)
    }
