"""What every op does at its door: borrow arrays, check settings, answer in the kind that came."""

from __future__ import annotations

import functools
import math
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from heatpose.native import core, cuda_compiled
from heatpose.ops._spaces import HostSpace, Space, TorchSpace
from heatpose.ops._traceable import traced

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
        _check_dtype(name, _name_of(value.dtype), dtypes)
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
        return _aligned(np.asarray(value)), HostSpace()
    answer = _from_dlpack(value)
    if answer is not None:
        if value.__dlpack_device__()[0] == _DLPACK_CUDA:
            return _borrow_through_torch(name, value, dtypes, answer)
        array = np.from_dlpack(value)
        _check_dtype(name, _name_of(array.dtype), dtypes)
        return _aligned(array), HostSpace(answer)
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
    if value.device.type == "cuda" and not cuda_compiled():
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


def _from_dlpack(value: Any) -> Callable[[Any], Any] | None:
    """How the library of an array makes arrays of others' memory; None for what is no array."""
    if not hasattr(value, "__dlpack__"):
        return None
    if hasattr(value, "__array_namespace__"):
        library = value.__array_namespace__()
    else:  # CuPy's arrays do not tell
        library = sys.modules.get(type(value).__module__.partition(".")[0])
    answer: Callable[[Any], Any] | None = getattr(library, "from_dlpack", None)
    return answer


def _borrow_through_torch(
    name: str, value: Any, dtypes: Sequence[str], answer: Callable[[Any], Any]
) -> tuple[Any, Space]:
    """An array of another library on a CUDA device: torch views it and gives the memory."""
    try:
        import torch
    except ImportError:
        raise TypeError(
            f"{name} is a {type(value).__name__} on a CUDA device, which needs PyTorch "
            "(pip install torch)"
        ) from None
    from torch.utils.dlpack import from_dlpack

    stream = None
    if type(value).__module__.partition(".")[0] == "cupy":
        stream = int(sys.modules["cupy"].cuda.get_current_stream().ptr)
    device = torch.device("cuda", value.__dlpack_device__()[1])
    with TorchSpace(device, stream=stream).queue():
        tensor, _ = _borrow_tensor(name, from_dlpack(value), dtypes)
    return tensor, TorchSpace(device, answer, stream)


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
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return bool(value.is_cuda)  # not every tensor (meta, opaque) has a place for DLPack
    place = getattr(value, "__dlpack_device__", None)
    return place is not None and place()[0] == _DLPACK_CUDA


def device_space(name: str, maps: Any) -> Space | None:
    """Where maps [..., C, h, w] lie, when that is a CUDA device; None for all else.

    None as well where torch traces the program: there the ops must make their answers themselves.
    """
    if len(getattr(maps, "shape", ())) not in (3, 4) or not on_device(maps) or traced():
        return None
    return borrow(name, maps)[1]


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(array, requirements="A")


@functools.cache
def _name_of(dtype: np.dtype[Any]) -> str:
    """NumPy puts a name together anew each time, which takes longer than all else at the door."""
    return str(dtype.name)


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


def flat_planes(array: Any) -> Any:
    """View [..., H, W] as [P, H, W]; sizes of zero are fine."""
    planes = math.prod(array.shape[:-2])
    return array.reshape(planes, *array.shape[-2:])
