"""Where arrays lie, and how an op works there: NumPy on the CPU, torch tensors on a CUDA device.

A space gives arrays of its kind, turns answers into the kind of the caller's array, and says how
the native op is called. On a CUDA device nothing here waits for the device, but for one thing: the
first call with a new geometry brings its tables there. Memory comes from torch's caching allocator.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from heatpose.native import core

Layout = Sequence[tuple[tuple[int, ...], str]]
"""Shapes and element types of several arrays."""

CudaCall = tuple[int, int, Callable[[int], Any], Any]
"""Device, stream handle, allocate(bytes), tables: what the native ops take as ``cuda``."""


class Space(Protocol):
    """Where the arrays of a call lie."""

    @property
    def cuda(self) -> bool:
        """Whether the native op's CUDA backend is called."""

    @property
    def name(self) -> str:
        """The place, for errors: "cpu", "cuda:0"."""

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        """A fresh C-contiguous array, not initialised."""

    def contiguous(self, array: Any) -> Any:
        """The array itself where it is C-contiguous, else a copy that is."""

    def stack(self, arrays: list[Any]) -> Any:
        """Arrays of one shape side by side, along a new last axis."""

    def put(self, array: npt.NDArray[Any]) -> Any:
        """A NumPy array, brought here."""

    def table(self, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> Any:
        """What ``make`` gives, brought here once and kept for calls with the same key."""

    def wrap(self, array: Any) -> Any:
        """An answer in the kind of the caller's array."""

    def call(self, tables: Any = None) -> CudaCall | None:
        """The argument ``cuda`` of a native op."""

    def queue(self) -> AbstractContextManager[Any]:
        """While an op is at work: its memory and its work belong to the caller's stream."""

    def later(self) -> Callable[[], AbstractContextManager[Any]]:
        """What to read an answer in, later: the stream of now, whichever is current then."""


def _same(array: Any) -> Any:
    return array


@dataclass(frozen=True)
class HostSpace:
    """NumPy arrays.

    Attributes:
        answer: Turns a NumPy array into the kind of the caller's array.
    """

    answer: Callable[[npt.NDArray[Any]], Any] = _same
    name: str = "cpu"

    @property
    def cuda(self) -> bool:
        """Only where the tests run the kernels on the host."""
        return bool(core.cuda_device_type == 1)

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        return np.empty(shape, dtype)

    def contiguous(self, array: Any) -> Any:
        return np.ascontiguousarray(array)

    def stack(self, arrays: list[Any]) -> Any:
        return np.stack(arrays, axis=-1)

    def put(self, array: npt.NDArray[Any]) -> Any:
        return np.ascontiguousarray(array)

    def table(self, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> Any:
        return make()

    def wrap(self, array: Any) -> Any:
        return self.answer(array)

    def call(self, tables: Any = None) -> CudaCall | None:
        return (0, 0, lambda size: np.empty(size, np.uint8), tables) if self.cuda else None

    def queue(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def later(self) -> Callable[[], AbstractContextManager[Any]]:
        return nullcontext


@dataclass(frozen=True)
class TorchSpace:
    """Tensors of a CUDA device.

    Attributes:
        device: The torch.device.
        answer: Turns a tensor into the kind of the caller's array.
        stream: Handle of the stream to queue on; None for torch's current one.
    """

    device: Any
    answer: Callable[[Any], Any] = _same
    stream: int | None = None
    cuda: bool = field(default=True, init=False)

    @property
    def name(self) -> str:
        return str(self.device)

    @property
    def _torch(self) -> Any:
        return sys.modules["torch"]

    def empty(self, shape: tuple[int, ...], dtype: str) -> Any:
        return self._torch.empty(shape, dtype=getattr(self._torch, dtype), device=self.device)

    # Copies belong to the caller's stream as well: that is where what they read was written.

    def contiguous(self, array: Any) -> Any:
        if array.is_contiguous():
            return array
        with self.queue():
            return array.contiguous()

    def stack(self, arrays: list[Any]) -> Any:
        with self.queue():
            return self._torch.stack(arrays, dim=-1)

    def put(self, array: npt.NDArray[Any]) -> Any:
        torch = self._torch
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        if self.device.type == "cpu":
            return tensor
        with self.queue():
            if torch.cuda.is_current_stream_capturing():
                # A replay would read the pinned memory again, whatever it holds by then.
                raise RuntimeError(
                    "an array on the host cannot be brought to the device while a CUDA graph is "
                    "being captured: give it as a tensor on the device"
                )
            # From pinned memory, which torch keeps until the copy is done, so that nobody waits.
            return tensor.pin_memory().to(self.device, non_blocking=True)

    def table(self, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> Any:
        with self.queue():
            return _TABLES.get(self, key, make)

    def wrap(self, array: Any) -> Any:
        return self.answer(array)

    def call(self, tables: Any = None) -> CudaCall | None:
        torch = self._torch
        index, stream = 0, 0
        if self.device.type != "cpu":
            index = self.device.index
            stream = torch.cuda.current_stream(self.device).cuda_stream
        allocate = lambda size: torch.empty(size, dtype=torch.uint8, device=self.device)  # noqa: E731
        return index, stream, allocate, tables

    def queue(self) -> AbstractContextManager[Any]:
        if self.stream is None or self.device.type == "cpu":
            return nullcontext()
        cuda = self._torch.cuda
        context: AbstractContextManager[Any] = cuda.stream(
            cuda.ExternalStream(self.stream, device=self.device)
        )
        return context

    def later(self) -> Callable[[], AbstractContextManager[Any]]:
        if self.stream is not None or self.device.type == "cpu":
            return self.queue
        cuda = self._torch.cuda
        if cuda.is_current_stream_capturing():  # the stream of the replays is not known yet
            return nullcontext
        stream = cuda.current_stream(self.device)
        return lambda: cast("AbstractContextManager[Any]", cuda.stream(stream))


class _Tables:
    """Tables on the devices, last used last. They depend on geometry alone, so streams share them.

    A CUDA graph reads its tables by address for as long as it is replayed: those that a capture
    has seen are never let go.
    """

    KEPT = 256

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, Hashable], Any] = OrderedDict()
        self._captured: dict[tuple[Any, Hashable], Any] = {}
        self._lock = threading.Lock()

    def get(self, space: TorchSpace, key: Hashable, make: Callable[[], npt.NDArray[Any]]) -> Any:
        torch = sys.modules["torch"]
        on_device = space.device.type != "cpu"
        capturing = on_device and torch.cuda.is_current_stream_capturing()
        full = (space.device, key)
        with self._lock:
            table = self._captured.get(full)
            if table is not None:
                return table
            table = self._kept.get(full)
            if table is None:
                if capturing:
                    raise RuntimeError(
                        "the tables of this geometry are not on the device yet, and a CUDA graph "
                        "is being captured: call the op once before the capture"
                    )
                table = space.put(make())
                if on_device:
                    # Other streams may use it next: the one wait, once for each new geometry.
                    torch.cuda.current_stream(space.device).synchronize()
                if len(self._kept) >= self.KEPT:
                    self._let_go(self.KEPT // 2)
                self._kept[full] = table
            else:
                self._kept.move_to_end(full)
            if capturing:
                self._captured[full] = table
            return table

    def _let_go(self, count: int) -> None:
        """Drop the tables that were used longest ago, many at once: it waits for the devices.

        The memory goes back to the stream that brought a table there, and work that other streams
        have queued may still read it.
        """
        for device in {device for device, _ in itertools.islice(self._kept, count)}:
            if device.type != "cpu":
                sys.modules["torch"].cuda.synchronize(device)
        for _ in range(count):
            self._kept.popitem(last=False)


_TABLES = _Tables()


def empty_block(space: Space, layout: Layout) -> list[Any]:
    """Fresh arrays in one piece of memory, so that one copy brings them all to the host."""
    items = {"int32": 4, "float32": 4, "bool": 1}
    sizes = [math.prod(shape) * items[dtype] for shape, dtype in layout]
    offsets = [0]
    for size in sizes:
        offsets.append(offsets[-1] + -(-size // 16) * 16)
    block = space.empty((max(offsets[-1], 1),), "uint8")
    return [
        _typed(block[offset : offset + size], dtype).reshape(shape)
        for (shape, dtype), offset, size in zip(layout, offsets, sizes, strict=False)
    ]


def _typed(array: Any, dtype: str) -> Any:
    if isinstance(array, np.ndarray):
        return array.view(dtype)
    return array.view(getattr(sys.modules["torch"], dtype))
