"""What every op does at its door: borrow arrays, check settings, answer in the kind that came."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = Any
"""A NumPy array, a torch tensor or another array with ``__dlpack__``."""

Wrap = Callable[[npt.NDArray[Any]], Any]
Float32 = npt.NDArray[np.float32]

_FLOATS = ("float32", "float16", "bfloat16")
_WHOLES = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
LARGEST = float(np.finfo(np.float32).max)
"""The largest finite float32, which is what the native ops compute in."""


def borrow(
    name: str, value: Array, *, dtypes: Sequence[str] = _FLOATS
) -> tuple[npt.NDArray[Any], Wrap]:
    """View an array as NumPy, and say how to give an answer back as its kind.

    A copy is made only of what the native ops cannot read as it lies: misaligned elements, the
    other byte order, torch's lazily negated tensors and bfloat16.

    Args:
        name: Name of the argument, for errors.
        value: NumPy array, torch tensor on the CPU, or another array with ``__dlpack__``.
        dtypes: Element types that are accepted. bfloat16 arrives as float32 (NumPy has none).

    Returns:
        The array, aligned and native-endian (maybe not contiguous), and a function that turns
        a NumPy result into the kind of ``value``.

    Raises:
        TypeError: value is no array, is a masked array, or has another element type.
        ValueError: value lies on a device that this op does not reach.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.layout is not torch.strided:
            raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
        if value.device.type != "cpu":
            raise ValueError(
                f"{name} is on device {value.device}, but this op runs on the CPU; "
                f"move it with {name}.cpu()"
            )
        kind = str(value.dtype).removeprefix("torch.")
        _check_dtype(name, kind, dtypes)
        value = value.detach()
        if kind == "bfloat16":
            value = value.float()
        return _aligned(value.resolve_neg().numpy()), torch.from_numpy
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an array without a mask, got a masked array")
    if isinstance(value, np.ndarray):
        _check_dtype(name, value.dtype.name, dtypes)
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
        return _aligned(np.asarray(value)), lambda result: result
    if hasattr(value, "__dlpack__") and hasattr(value, "__array_namespace__"):
        space = value.__array_namespace__()
        array = np.from_dlpack(value)
        _check_dtype(name, array.dtype.name, dtypes)
        return _aligned(array), space.from_dlpack
    raise TypeError(f"{name} must be a NumPy array or a torch tensor, got {type(value).__name__}")


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(array, requirements="A")


def _check_dtype(name: str, got: str, dtypes: Sequence[str]) -> None:
    if got not in dtypes:
        expected = dtypes[0] if len(dtypes) == 1 else f"{', '.join(dtypes[:-1])} or {dtypes[-1]}"
        raise TypeError(f"{name} must be {expected}, got {got}")


def as_float32(name: str, value: Array, *, ndim: Sequence[int]) -> tuple[Float32, Wrap]:
    """Borrow maps as C-contiguous float32 (a copy only when they are not), checking their rank."""
    array, wrap = borrow(name, value)
    if array.ndim not in ndim:
        expected = " or ".join(str(n) for n in ndim)
        raise ValueError(f"{name} must have {expected} dimensions, got shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float32), wrap


def as_float64(name: str, value: Any) -> npt.NDArray[np.float64]:
    """Check finite numbers, in an array of any real type or in lists, and give them as float64."""
    if hasattr(value, "__dlpack__"):
        array, _ = borrow(name, value, dtypes=("float64", *_FLOATS, *_WHOLES))
    else:
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError):  # the last of tensors that require grad
            raise TypeError(f"{name} must be numbers, got {type(value).__name__}") from None
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return np.asarray(array, np.float64)


def size_pair(name: str, value: Sequence[int], *, low: int = 1) -> tuple[int, int]:
    """Check a (height, width) pair."""
    try:
        height, width = (int(v) for v in value)
        whole = all(float(v) == int(v) for v in value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be (height, width), got {value!r}") from None
    if not whole or not (low <= height <= 1 << 20 and low <= width <= 1 << 20):
        raise ValueError(
            f"{name} must be (height, width) with whole numbers from {low} to {1 << 20}, "
            f"got {value!r}"
        )
    return height, width


def finite(name: str, value: float, *, low: float = -math.inf, above: float = -math.inf) -> float:
    """Check a number: finite in float32, at least ``low``, greater than ``above``."""
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:  # a whole number beyond float64
        number = math.inf
    if math.isfinite(number) and abs(number) > LARGEST:
        raise ValueError(f"{name} must be within float32's range, got {value!r}")
    if not math.isfinite(number) or number < low or number <= above:
        bound = f", at least {low}" if low > -math.inf else ""
        bound += f", greater than {above}" if above > -math.inf else ""
        raise ValueError(f"{name} must be a finite number{bound}, got {value!r}")
    return number


def whole(name: str, value: int, *, low: int, high: int = 1 << 20) -> int:
    """Check a whole number between ``low`` and ``high``."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be between {low} and {high}, got {number}")
    return number


def flag(name: str, value: bool) -> bool:
    """Check a yes or no."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def choice(name: str, value: str, options: Sequence[str]) -> int:
    """Check a word against its options and return its position among them."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(options)}, got {value!r}")
    return list(options).index(value)


def out_array(
    name: str,
    out: Array | None,
    shape: tuple[int, ...],
    wrap: Wrap,
    *,
    dtype: str = "float32",
    reads: Iterable[tuple[str, npt.NDArray[Any] | None]] = (),
) -> tuple[npt.NDArray[Any], Array]:
    """The array an op writes to, as NumPy, and as what it returns: the caller's, or a fresh one.

    Args:
        name: Name of the argument, for errors.
        out: What the caller gave; None for a fresh array.
        shape: Shape it must have.
        wrap: Turns a fresh NumPy array into the kind of the input.
        dtype: Element type it must have.
        reads: Names and arrays that the op still reads while it writes.

    Raises:
        TypeError: out is not of ``dtype``.
        ValueError: out has another shape, cannot be written in place, is not C-contiguous, or
            overlaps what the op reads.
    """
    if out is None:
        fresh = np.empty(shape, dtype)
        return fresh, wrap(fresh)
    array, _ = borrow(name, out, dtypes=(dtype,))
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not array.flags.c_contiguous or not array.flags.writeable:
        raise ValueError(f"{name} must be C-contiguous and writable")
    if getattr(out, "requires_grad", False):
        raise ValueError(f"{name} must not require grad: give {name}.detach()")
    # Two copies lie at two addresses, the array itself at one. What has no element has no address.
    again, _ = borrow(name, out, dtypes=(dtype,))
    if array.size and again.ctypes.data != array.ctypes.data:
        raise ValueError(
            f"{name} must be an aligned, native-endian array that can be written in place"
        )
    for other, read in reads:
        if read is not None and np.may_share_memory(array, read):
            raise ValueError(f"{name} must not overlap {other}, which is read while it is written")
    return array, out


def flat_planes(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View [..., H, W] as [P, H, W]; sizes of zero are fine."""
    planes = math.prod(array.shape[:-2])
    return array.reshape(planes, *array.shape[-2:])
