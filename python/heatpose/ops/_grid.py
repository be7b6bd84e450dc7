"""What the ops on peaks of the network's grid share at their door."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.ops._arrays import Array, as_float32, as_maps, borrow_beside, dtype_name, on_device
from heatpose.ops._spaces import Space

MOST_PEAKS = 1 << 14
MOST_WINDOW = 1023
MOST_SAMPLES = 1 << 16


def float_maps(name: str, maps: Array) -> tuple[Any, Space]:
    array, space = as_maps(name, maps, ndim=(3, 4))
    if dtype_name(array) != "float32":
        with space.queue():
            array = as_float32(array)
    return array, space


def entries(
    name: str, value: Array, space: Space, dtype: str, shape: tuple[int | None, ...]
) -> Any:
    """An array of a shape, in which None is any number up to 16384."""
    array = borrow_beside(name, value, space, dtypes=(dtype,))
    got = tuple(array.shape)
    fits = len(got) == len(shape) and all(
        n == m if m is not None else n <= MOST_PEAKS for n, m in zip(got, shape, strict=True)
    )
    if not fits:
        expected = ", ".join("?" if n is None else str(n) for n in shape)
        raise ValueError(
            f"{name} must have shape ({expected}), each ? up to {MOST_PEAKS}, got {got}"
        )
    return array


def read_counts(counts: Array, space: Space, shape: tuple[int | None, ...], most: int) -> Any:
    if most > MOST_PEAKS:
        raise ValueError(f"a keypoint may have {MOST_PEAKS} peaks at most, got room for {most}")
    array = entries("counts", counts, space, "int32", shape)
    # A device would have to be waited for: there a count is taken as 0 to M.
    if not on_device(array) and (wrong := (array < 0) | (array > most)).any():
        raise ValueError(f"counts must be from 0 to {most}, got {array[wrong].flat[0]}")
    return array


def read_pairs(name: str, value: Any, count: int) -> npt.NDArray[np.int32]:
    """Rows of two different whole numbers below ``count``."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        array = np.empty((), object)
    if array.size == 0:
        return np.empty((0, 2), np.int32)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of shape [L, 2], got {array.dtype} {array.shape}"
        )
    if array.min() < 0 or array.max() >= count:
        raise ValueError(
            f"{name} must be from 0 to {count - 1}, got {array.min()} to {array.max()}"
        )
    return np.ascontiguousarray(array, np.int32)


def table_of(name: str, array: npt.NDArray[np.int32], space: Space) -> Any:
    return space.table((name, array.tobytes()), lambda: array)


def batch(array: Any, ndim: int, space: Space) -> Any:
    """The array, contiguous, with a leading axis of images where it has none."""
    array = space.contiguous(array)
    return array if array.ndim == ndim else array.reshape(1, *array.shape)
