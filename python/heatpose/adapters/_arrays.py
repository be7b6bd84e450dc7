"""How arrays come in: of any real type, from NumPy, torch and others."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose.ops import Array
from heatpose.ops._arrays import as_float32, borrow, dtype_name

_NATIVE = ("float16", "float32", "bfloat16")
_OTHERS = (
    "float64", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"
)  # fmt: skip


def real_numbers(name: str, value: Array) -> Any:
    """An array as the ops read it: other real types than theirs become float32.

    Args:
        name: Name of the argument, for errors.
        value: NumPy array, torch tensor, or another array with ``__dlpack__``, on the CPU or on a
            CUDA device.

    Returns:
        A NumPy array of what lies on the CPU, else a torch tensor.

    Raises:
        TypeError: value is no array of real numbers.
        ValueError: value lies on a device that heatpose does not reach.
    """
    if not isinstance(value, np.ndarray):
        value, _ = borrow(name, value, dtypes=(*_NATIVE, *_OTHERS))
    elif value.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got {value.dtype}")
    if dtype_name(value) in _NATIVE:
        return value
    with np.errstate(over="ignore"):
        return as_float32(value)
