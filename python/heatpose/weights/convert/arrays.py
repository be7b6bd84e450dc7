"""What all formats share: bytes of a file into tensors, claims checked before memory is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def tensor_of(data: bytes, dtype: np.dtype[np.generic], shape: Sequence[int], what: str) -> Tensor:
    """Make a tensor of the raw bytes of an array in row order.

    Args:
        data: The bytes.
        dtype: Their type, of any byte order.
        shape: The shape that the file claims.
        what: The array's name, for messages.

    Returns:
        A tensor with memory of its own.

    Raises:
        ValueError: the shape is negative, or asks for more or fewer bytes than there are.
    """
    check_shape(shape, len(data), dtype.itemsize, what)
    array = np.frombuffer(data, dtype).reshape(shape)
    # The copy is writable and of the machine's byte order: PyTorch takes nothing else.
    return torch.from_numpy(array.astype(dtype.newbyteorder("=")))


def check_shape(shape: Sequence[int], have: int, itemsize: int, what: str) -> None:
    """Refuse a claimed shape that does not match the bytes (or values) that are there."""
    if any(size < 0 for size in shape):
        raise ValueError(f"{what} has a negative size: {list(shape)}")
    want = math.prod(shape) * itemsize
    if want != have:
        unit = "bytes" if itemsize > 1 else "values"
        raise ValueError(f"{what} claims {want} {unit} ({list(shape)}), the file has {have}")


def add(tensors: dict[str, Tensor], name: str, tensor: Tensor) -> None:
    """Enter a tensor; a name that is there already would hide another tensor."""
    if name in tensors:
        raise ValueError(f"{name} is there twice")
    tensors[name] = tensor
