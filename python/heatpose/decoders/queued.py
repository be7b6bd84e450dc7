"""Work that has been queued, and its answer when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy.typing as npt

from heatpose.ops._outputs import to_host

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Queued(Generic[Answer]):
    """What a decoder has queued on a CUDA stream (or, on the CPU, done already).

    Nothing waits until :meth:`result`. Where the work was captured in a CUDA graph, every replay
    fills ``arrays`` anew, and :meth:`result` reads what the last replay left.

    Attributes:
        arrays: The padded arrays and counts of the ops, where the maps lie; see
            :class:`heatpose.ops.Peaks`, :class:`heatpose.ops.Association` and
            :class:`heatpose.ops.DecodedHeatmaps`. On a device they share one piece of memory.
    """

    arrays: Sequence[Any]
    _finish: Callable[[list[npt.NDArray[Any]]], Answer] = field(repr=False)
    _stream: Callable[[], AbstractContextManager[Any]] = field(default=nullcontext, repr=False)

    def result(self) -> Answer:
        """Wait for the work, copy the arrays to the host in one transfer, and give the answer.

        The copy is queued on the stream that the work was queued on; where a CUDA graph captured
        it, on the current stream, which must be the one of the last replay or wait for it.
        """
        with self._stream():
            return self._finish(to_host(self.arrays))
