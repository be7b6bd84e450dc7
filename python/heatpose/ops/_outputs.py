"""Where an op writes: fresh arrays or the caller's, checked, and the way to the host."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from heatpose.ops._arrays import Array, borrow, borrow_beside, dtype_name
from heatpose.ops._spaces import HostSpace, Layout, Space


class _Span(NamedTuple):
    """Where an array may touch memory: from ``first`` to before ``last``; no element, no span."""

    name: str
    first: int
    last: int


def out_array(
    name: str,
    out: Array | None,
    shape: tuple[int, ...],
    space: Space,
    *,
    dtype: str = "float32",
    reads: Iterable[tuple[str, Any]] = (),
    over: tuple[str, Any] | None = None,
) -> tuple[Any, Array]:
    """The array an op writes to, as the native op takes it, and as what the op returns.

    Args:
        name: Name of the argument, for errors.
        out: What the caller gave; None for a fresh array.
        shape: Shape it must have.
        space: Where it must lie.
        dtype: Element type it must have.
        reads: Names and arrays that the op still reads while it writes.
        over: Name and C-contiguous array, of the same shape and type, that the op may write over:
            it reads an element before it writes the one in the same place, and no other one.

    Raises:
        TypeError: out is not of ``dtype``.
        ValueError: out has another shape, cannot be written in place, is not C-contiguous, lies
            elsewhere, or overlaps what the op reads.
    """
    if out is None:
        fresh = space.empty(shape, dtype)
        return fresh, space.wrap(fresh)
    taken = _spans(reads)
    return _given(name, out, shape, dtype, space, taken, over and _span(*over))[0], out


def out_tuple(
    name: str,
    out: Any,
    kind: Any,
    layout: Layout,
    space: Space,
    reads: Sequence[tuple[str, Any]],
) -> tuple[Any, Any]:
    """The arrays of a result: what the native op writes to, and what the op returns.

    ``kind`` is the result's NamedTuple; ``out`` is one that the caller gave, or None.

    Raises:
        TypeError: out is of another kind, or an array is missing or has another type.
        ValueError: an array does not fit, see :func:`out_array`.
    """
    if out is None:
        fresh = [space.empty(shape, dtype) for shape, dtype in layout]
        return kind(*fresh), kind(*(space.wrap(array) for array in fresh))
    if not isinstance(out, kind):
        raise TypeError(f"{name} must be {kind.__name__}, got {type(out).__name__}")
    taken, targets = _spans(reads), []
    for field, array, (shape, dtype) in zip(kind._fields, out, layout, strict=True):
        target, span = _given(f"{name}.{field}", array, shape, dtype, space, taken)
        targets.append(target)
        taken.append(span)
    return kind(*targets), out


def _given(
    name: str,
    out: Array,
    shape: tuple[int, ...],
    dtype: str,
    space: Space,
    taken: list[_Span],
    over: _Span | None = None,
) -> tuple[Any, _Span]:
    """An array that the caller gave, as the native op takes it, and where it lies."""
    array = borrow_beside(name, out, space, dtypes=(dtype,))
    if tuple(array.shape) != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(array.shape)}")
    host = isinstance(array, np.ndarray)
    ready = array.flags.c_contiguous and array.flags.writeable if host else array.is_contiguous()
    if not ready:
        raise ValueError(f"{name} must be C-contiguous and writable")
    if getattr(out, "requires_grad", False):
        raise ValueError(f"{name} must not require grad: give {name}.detach()")
    span = _span(name, array)
    # Two copies lie at two addresses, the array itself at one.
    again = out
    if not isinstance(out, type(array)):
        again = borrow_beside(name, out, space, dtypes=(dtype,))
    if _span(name, again).first != span.first:
        raise ValueError(
            f"{name} must be an aligned, native-endian array that can be written in place"
        )
    if over is not None and over.first != span.first:
        taken = [*taken, over]
    for other in taken:
        if span.first < other.last and other.first < span.last:
            raise ValueError(
                f"{name} must not overlap {other.name}, which is read while it is written"
            )
    return array, span


def _spans(arrays: Iterable[tuple[str, Any]]) -> list[_Span]:
    return [_span(name, array) for name, array in arrays if array is not None]


def _span(name: str, array: Any) -> _Span:
    if math.prod(array.shape) == 0:
        return _Span(name, 0, 0)
    if isinstance(array, np.ndarray):
        first, item, strides = int(array.ctypes.data), array.itemsize, array.strides
    else:
        first, item = array.data_ptr(), array.element_size()
        if array.is_contiguous():
            return _Span(name, first, first + array.numel() * item)
        strides = tuple(stride * item for stride in array.stride())
    reach = [(n - 1) * stride for n, stride in zip(array.shape, strides, strict=True)]
    low, high = (sum(pick(step, 0) for step in reach) for pick in (min, max))
    return _Span(name, first + low, first + high + item)


def to_host(arrays: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """Arrays as NumPy; those of a device after a wait for what its stream has queued.

    They come in one copy where they share one piece of memory, see
    :func:`heatpose.ops._spaces.empty_block`.
    """
    if all(isinstance(array, np.ndarray) for array in arrays):
        return list(arrays)
    borrowed = [borrow("array", array, dtypes=("float32", "int32", "bool")) for array in arrays]
    space = borrowed[0][1]
    if isinstance(space, HostSpace):
        return [array for array, _ in borrowed]
    tensors = [array for array, _ in borrowed]
    with space.queue():
        storages = {t.untyped_storage().data_ptr() for t in tensors if math.prod(t.shape)}
        if len(storages) > 1:
            return [tensor.cpu().numpy() for tensor in tensors]
        torch, first = sys.modules["torch"], tensors[0]
        block = torch.empty(0, dtype=torch.uint8, device=first.device)
        host = block.set_(first.untyped_storage()).cpu().numpy()
    return [
        host[offset : offset + size].view(dtype_name(tensor)).reshape(tuple(tensor.shape))
        for tensor in tensors
        for offset in [tensor.storage_offset() * tensor.element_size()]
        for size in [math.prod(tensor.shape) * tensor.element_size()]
    ]
