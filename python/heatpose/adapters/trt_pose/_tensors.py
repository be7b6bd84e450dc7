"""What the functions of the adapter take: tensors, checked, and the topology of a skeleton."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Pairs = npt.NDArray[np.int64]


def read_topology(topology: Any) -> tuple[Pairs, Pairs]:
    """Parts (a, b) and field channels (x, y) of every limb, each [K, 2].

    Raises:
        TypeError: topology does not hold whole numbers.
        ValueError: topology is not [K, 4].
    """
    if isinstance(topology, torch.Tensor):
        topology = topology.cpu().numpy()
    rows = np.asarray(topology)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"topology must be whole numbers, got {rows.dtype}")
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ValueError(f"topology must have shape (K, 4), got {tuple(rows.shape)}")
    # The first channel lies along the rows.
    return rows[:, 2:], rows[:, 1::-1]


def ints(name: str, value: Any, ndim: int) -> torch.Tensor:
    """A tensor of whole numbers as int32.

    Raises:
        TypeError: value is no tensor, or not of whole numbers.
        ValueError: value has another rank.
    """
    tensor = tensor_of(name, value, ndim)
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise TypeError(f"{name} must be whole numbers, got {tensor.dtype}")
    return tensor.to(torch.int32)


def floats(name: str, value: Any, ndim: int) -> torch.Tensor:
    """A tensor of floats as float32.

    Raises:
        TypeError: value is no tensor, or not of floats.
        ValueError: value has another rank.
    """
    tensor = tensor_of(name, value, ndim)
    if not tensor.is_floating_point():
        raise TypeError(f"{name} must be floats, got {tensor.dtype}")
    return tensor.to(torch.float32)


def tensor_of(name: str, value: Any, ndim: int) -> torch.Tensor:
    """A tensor of so many dimensions.

    Raises:
        TypeError: value is no tensor.
        ValueError: value has another rank.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {type(value).__name__}")
    if value.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimensions, got shape {tuple(value.shape)}")
    return value.detach()


def check_target(name: str, out: Any, like: torch.Tensor) -> torch.Tensor:
    """A tensor to write to, of the shape and type of ``like``.

    Raises:
        TypeError: out is no tensor, or has another type.
        ValueError: out has another shape, or lies elsewhere.
    """
    target = tensor_of(name, out, like.ndim)
    if target.dtype != like.dtype:
        raise TypeError(f"{name} must be {like.dtype}, got {target.dtype}")
    if target.shape != like.shape:
        raise ValueError(f"{name} must have shape {tuple(like.shape)}, got {tuple(target.shape)}")
    if target.device != like.device:
        raise ValueError(f"{name} must be on {like.device}, got {target.device}")
    return target


def write_counted(target: torch.Tensor, values: torch.Tensor, *counts: torch.Tensor) -> None:
    """Write the entries that count, and leave the others as they are.

    ``counts`` [...] count the entries along the axes that follow theirs, one each.
    """
    lead = counts[0].ndim
    mask: torch.Tensor | None = None
    for axis, count in enumerate(counts):
        entries = torch.arange(values.shape[lead + axis], device=values.device)
        shape = [1] * len(counts)
        shape[axis] = -1
        own = entries.view(shape) < count.view(*count.shape, *[1] * len(counts))
        mask = own if mask is None else mask & own
    assert mask is not None
    mask = mask.view(*mask.shape, *[1] * (values.ndim - mask.ndim))
    target.copy_(torch.where(mask, values, target))
