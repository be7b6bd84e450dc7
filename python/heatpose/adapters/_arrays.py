"""How arrays come in: of any real type, from NumPy, torch and others."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatpose.ops import Array
from heatpose.ops._arrays import as_float32, borrow, dtype_name

_NATIVE = ("float32", "float16", "bfloat16")
_WHOLE = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")


def real_numbers(name: str, value: Array, *, whole: bool = True) -> Any:
    """An array as the ops read it: other real types than theirs become float32.

    Args:
        name: Name of the argument, for errors.
        value: NumPy array, torch tensor, or another array with ``__dlpack__``, on the CPU or on a
            CUDA device.
        whole: Whether whole numbers and bools are taken too.

    Returns:
        A NumPy array of what lies on the CPU, else a torch tensor.

    Raises:
        TypeError: value is no array of real numbers.
        ValueError: value lies on a device that heatpose does not reach.
    """
    if not isinstance(value, np.ndarray):
        value, _ = borrow(name, value, dtypes=(*_NATIVE, "float64", *(_WHOLE if whole else ())))
    elif value.dtype.kind not in ("fiub" if whole else "f"):
        kind = "real numbers" if whole else "floats"
        raise TypeError(f"{name} must be {kind}, got {value.dtype}")
    if dtype_name(value) in _NATIVE:
        return value
    with np.errstate(over="ignore"):
        return as_float32(value)
