"""What every op does at its door: borrow arrays, check settings, answer in the kind that came."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.native import core, cuda_status
from heatpose.ops._spaces import HostSpace, Layout, Space, TorchSpace

Array = Any
"""A NumPy array, a torch tensor or another array with ``__dlpack__``."""

Float32 = npt.NDArray[np.float32]

_FLOATS = ("float32", "float16", "bfloat16")
_WHOLES = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
_DLPACK_CUDA = 2
LARGEST = float(np.finfo(np.float32).max)
"""The largest finite float32, which is what the native ops compute in."""


def borrow(name: str, value: Array, *, dtypes: Sequence[str] = _FLOATS) -> tuple[Any, Space]:
    """View an array as NumPy (on the CPU) or as a torch tensor (on a CUDA device).

    A copy is made only of what the native ops cannot read as it lies: misaligned elements, the
    other byte order, torch's lazily negated tensors and, on the CPU, bfloat16.

    Args:
        name: Name of the argument, for errors.
        value: NumPy array, torch tensor, or another array with ``__dlpack__``, on the CPU or on a
            CUDA device.
        dtypes: Element types that are accepted. On the CPU bfloat16 arrives as float32 (NumPy has
            none).

    Returns:
        The array, aligned and native-endian (maybe not contiguous), and where it lies.

    Raises:
        TypeError: value is no array, is a masked array, or has another element type.
        ValueError: value lies on a device that heatpose does not reach.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _borrow_tensor(name, value, dtypes)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an array without a mask, got a masked array")
    if isinstance(value, np.ndarray):
        _check_dtype(name, value.dtype.name, dtypes)
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
        return _aligned(np.asarray(value)), HostSpace()
    if hasattr(value, "__dlpack__") and hasattr(value, "__array_namespace__"):
        if value.__dlpack_device__()[0] == _DLPACK_CUDA:
            return _borrow_through_torch(name, value, dtypes)
        kind = value.__array_namespace__()
        array = np.from_dlpack(value)
        _check_dtype(name, array.dtype.name, dtypes)
        return _aligned(array), HostSpace(kind.from_dlpack)
    raise TypeError(f"{name} must be a NumPy array or a torch tensor, got {type(value).__name__}")


def _borrow_tensor(name: str, value: Any, dtypes: Sequence[str]) -> tuple[Any, Space]:
    torch = sys.modules["torch"]
    if value.layout is not torch.strided:
        raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
    if value.device.type not in ("cpu", "cuda"):
        raise ValueError(
            f"{name} is on device {value.device}, but heatpose works on the CPU and on CUDA; "
            f"move it with {name}.cpu()"
        )
    if value.device.type == "cuda" and not cuda_status().compiled:
        raise ValueError(
            f"{name} is on device {value.device}, but heatpose was built without CUDA (build with "
            f"HEATPOSE_CUDA=ON); move it with {name}.cpu()"
        )
    kind = str(value.dtype).removeprefix("torch.")
    _check_dtype(name, kind, dtypes)
    value = value.detach().resolve_neg()
    if value.device.type == "cuda" or core.cuda_device_type == 1:
        if value.data_ptr() % value.element_size():
            value = value.clone()
        return value, TorchSpace(value.device)
    if kind == "bfloat16":
        value = value.float()
    return _aligned(value.numpy()), HostSpace(torch.from_numpy)


def _borrow_through_torch(name: str, value: Any, dtypes: Sequence[str]) -> tuple[Any, Space]:
    """An array of another library on a CUDA device: torch views it and gives the memory."""
    try:
        import torch
    except ImportError:
        raise TypeError(
            f"{name} is a {type(value).__name__} on a CUDA device, which needs PyTorch "
            "(pip install torch)"
        ) from None
    from torch.utils.dlpack import from_dlpack

    kind = value.__array_namespace__()
    stream = None
    if type(value).__module__.partition(".")[0] == "cupy":
        stream = int(sys.modules["cupy"].cuda.get_current_stream().ptr)
    device = torch.device("cuda", value.__dlpack_device__()[1])
    with TorchSpace(device, stream=stream).queue():
        tensor, _ = _borrow_tensor(name, from_dlpack(value), dtypes)
    return tensor, TorchSpace(device, kind.from_dlpack, stream)


def borrow_beside(name: str, value: Array, space: Space, *, dtypes: Sequence[str] = _FLOATS) -> Any:
    """View another array of a call, which must lie where the first one does.

    Raises:
        TypeError: As :func:`borrow`.
        ValueError: value lies elsewhere.
    """
    array, found = borrow(name, value, dtypes=dtypes)
    if found.name != space.name:
        raise ValueError(f"{name} must be on {space.name} like the other arrays, got {found.name}")
    if isinstance(array, np.ndarray) == isinstance(space, HostSpace):
        return array
    return array.numpy() if isinstance(space, HostSpace) else space.put(array)


def on_device(value: Any) -> bool:
    """Whether an array lies on a device, so that its values cannot be looked at without a wait."""
    place = getattr(value, "__dlpack_device__", None)
    return place is not None and place()[0] == _DLPACK_CUDA


def device_space(name: str, maps: Any) -> Space | None:
    """Where maps [..., C, h, w] lie, when that is a CUDA device; None for all else."""
    if len(getattr(maps, "shape", ())) not in (3, 4) or not on_device(maps):
        return None
    return borrow(name, maps)[1]


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(array, requirements="A")


def _check_dtype(name: str, got: str, dtypes: Sequence[str]) -> None:
    if got not in dtypes:
        expected = dtypes[0] if len(dtypes) == 1 else f"{', '.join(dtypes[:-1])} or {dtypes[-1]}"
        raise TypeError(f"{name} must be {expected}, got {got}")


def as_maps(name: str, value: Array, *, ndim: Sequence[int]) -> tuple[Any, Space]:
    """Borrow maps for the native op, checking their rank.

    On the CPU they become C-contiguous float32 (a copy only when they are not); on a CUDA device
    they stay as they lie, in their own element type.
    """
    array, space = borrow(name, value)
    if array.ndim not in ndim:
        expected = " or ".join(str(n) for n in ndim)
        raise ValueError(f"{name} must have {expected} dimensions, got shape {tuple(array.shape)}")
    if not space.cuda:
        return np.ascontiguousarray(array, dtype=np.float32), space
    if isinstance(array, np.ndarray) and array.dtype.name not in ("float32", "float16"):
        array = array.astype(np.float32)
    return array, space


def as_float32(array: Any) -> Any:
    """An array of either kind, as float32."""
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def as_float64_there(name: str, value: Array, space: Space) -> Any:
    """Floats as C-contiguous float64 where a call's arrays lie, brought there from the host."""
    if not on_device(value):
        return space.put(np.ascontiguousarray(value, np.float64))
    array = borrow_beside(name, value, space, dtypes=("float32", "float64"))
    with space.queue():
        return space.contiguous(array.double())


def dtype_name(array: Any) -> str:
    """Name of the element type of a NumPy array or a torch tensor."""
    return str(array.dtype).removeprefix("torch.")


def as_bytes(array: Any) -> Any:
    """A bool array as uint8, the same memory."""
    if isinstance(array, np.ndarray):
        return array.view(np.uint8)
    return array.view(sys.modules["torch"].uint8)


def as_float64(name: str, value: Any) -> npt.NDArray[np.float64]:
    """Check finite numbers, in an array of any real type or in lists, and give them as float64."""
    if hasattr(value, "__dlpack__"):
        array, space = borrow(name, value, dtypes=("float64", *_FLOATS, *_WHOLES))
        if isinstance(space, TorchSpace):
            with space.queue():
                array = array.double().cpu().numpy()
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
    space: Space,
    *,
    dtype: str = "float32",
    reads: Iterable[tuple[str, Any]] = (),
) -> tuple[Any, Array]:
    """The array an op writes to, as the native op takes it, and as what the op returns.

    Args:
        name: Name of the argument, for errors.
        out: What the caller gave; None for a fresh array.
        shape: Shape it must have.
        space: Where it must lie.
        dtype: Element type it must have.
        reads: Names and arrays that the op still reads while it writes.

    Raises:
        TypeError: out is not of ``dtype``.
        ValueError: out has another shape, cannot be written in place, is not C-contiguous, lies
            elsewhere, or overlaps what the op reads.
    """
    if out is None:
        fresh = space.empty(shape, dtype)
        return fresh, space.wrap(fresh)
    array = borrow_beside(name, out, space, dtypes=(dtype,))
    if tuple(array.shape) != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(array.shape)}")
    host = isinstance(array, np.ndarray)
    ready = array.flags.c_contiguous and array.flags.writeable if host else array.is_contiguous()
    if not ready:
        raise ValueError(f"{name} must be C-contiguous and writable")
    if getattr(out, "requires_grad", False):
        raise ValueError(f"{name} must not require grad: give {name}.detach()")
    # Two copies lie at two addresses, the array itself at one. What has no element has no address.
    again = borrow_beside(name, out, space, dtypes=(dtype,))
    if math.prod(shape) and _span(again)[0] != _span(array)[0]:
        raise ValueError(
            f"{name} must be an aligned, native-endian array that can be written in place"
        )
    for other, read in reads:
        if read is not None and _overlap(array, read):
            raise ValueError(f"{name} must not overlap {other}, which is read while it is written")
    return array, out


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
        TypeError: out is of another kind, or an array has another type.
        ValueError: an array does not fit, see :func:`out_array`.
    """
    if out is None:
        fresh = [space.empty(shape, dtype) for shape, dtype in layout]
        return kind(*fresh), kind(*(space.wrap(array) for array in fresh))
    if not isinstance(out, kind):
        raise TypeError(f"{name} must be {kind.__name__}, got {type(out).__name__}")
    taken: list[tuple[str, Any]] = list(reads)
    for field, array, (shape, dtype) in zip(kind._fields, out, layout, strict=True):
        label = f"{name}.{field}"
        target, _ = out_array(label, array, shape, space, dtype=dtype, reads=taken)
        taken.append((label, target))
    return kind(*(array for _, array in taken[len(reads) :])), out


def _span(array: Any) -> tuple[int, int]:
    """First address of an array, and the address past what it can touch."""
    if isinstance(array, np.ndarray):
        low, high = np.lib.array_utils.byte_bounds(array)
        return int(array.ctypes.data) if array.flags.c_contiguous else low, high
    last = sum((n - 1) * s for n, s in zip(array.shape, array.stride(), strict=True))
    first = array.data_ptr()
    return first, first + (last + 1) * array.element_size()


def _overlap(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return bool(np.may_share_memory(one, other))
    if math.prod(one.shape) == 0 or math.prod(other.shape) == 0:
        return False
    (low, high), (first, last) = _span(one), _span(other)
    return low < last and first < high


def to_host(arrays: Sequence[Any]) -> list[npt.NDArray[Any]]:
    """Arrays as NumPy; those of a device after a wait for what its stream has queued.

    They come in one copy where they share one piece of memory, see
    :func:`heatpose.ops._spaces.empty_block`.
    """
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


def flat_planes(array: Any) -> Any:
    """View [..., H, W] as [P, H, W]; sizes of zero are fine."""
    planes = math.prod(array.shape[:-2])
    return array.reshape(planes, *array.shape[-2:])
