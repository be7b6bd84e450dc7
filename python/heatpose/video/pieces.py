"""The folder of work in progress: finished pieces, and how far they go.

Piece ``n`` is a file of lines, a file of pictures and the memory of tracker and filter after it. A
piece counts once ``progress.json``, which is replaced in one step, says so; what a stop leaves
beyond it is made again. The pieces are the same whether or not there was a stop.
"""

from __future__ import annotations

import fcntl
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heatpose.files import write_atomically

_PROGRESS = "progress.json"
_KINDS = ("jsonl", "nut", "npz")

State = dict[str, NDArray[Any]]


class Pieces:
    """Finished pieces of a job, in a folder that only one process uses at a time.

    Args:
        folder: Made if it is not there.
        job: What is being made of what; JSON values.
        restart: Throw away what is there.

    Raises:
        BlockingIOError: another process works there.
        ValueError: the folder holds pieces of another job.

    Attributes:
        count: Finished pieces.
        frames: Frames in them.
        broken: Broken ones among these.
        header: The first line of the JSON, once somebody was looked for.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], *, restart: bool = False) -> None:
        self.folder = folder
        self._job = json.loads(json.dumps(job))
        folder.mkdir(parents=True, exist_ok=True)
        # Held until the process ends, however it ends.
        self._lock = (folder / "lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise BlockingIOError(f"{folder}: another process is working there") from None
        self.count = self.frames = self.broken = 0
        self.header: dict[str, Any] | None = None
        try:
            if restart:
                self._clear()
            else:
                self._read()
        except BaseException:
            self._lock.close()
            raise

    def _clear(self) -> None:
        """Throw the pieces away; what says that they count goes first."""
        (self.folder / _PROGRESS).unlink(missing_ok=True)
        for kind in _KINDS:
            for path in self.folder.glob(f"*.{kind}"):
                path.unlink()

    def _read(self) -> None:
        file = self.folder / _PROGRESS
        if not file.exists():
            return
        try:
            progress = json.loads(file.read_bytes())
        except ValueError:
            progress = {}
        if progress.get("job") != self._job:
            old = progress.get("job", {})
            names = [name for name in self._job if old.get(name) != self._job[name]]
            raise ValueError(
                f"{self.folder} holds a job that was stopped, with other settings "
                f"({', '.join(names)}): give the same ones to go on, or begin anew with restart"
            )
        self.count, self.frames = progress["pieces"], progress["frames"]
        self.broken, self.header = progress["broken"], progress["header"]

    def path(self, number: int, kind: str) -> Path:
        """The file of a piece: of ``jsonl``, ``nut`` or ``npz``."""
        return self.folder / f"{number:06}.{kind}"

    def paths(self, kind: str) -> list[Path]:
        """The files of the finished pieces that have one of this kind."""
        every = [self.path(number, kind) for number in range(self.count)]
        return [path for path in every if path.exists()]

    def state(self) -> State | None:
        """What was remembered after the last piece; None before the first."""
        if not self.count:
            return None
        with np.load(self.path(self.count - 1, "npz")) as arrays:
            return dict(arrays)

    def finish(
        self,
        lines: bytes,
        state: State,
        *,
        frames: int,
        broken: int,
        header: dict[str, Any] | None,
    ) -> None:
        """Let the piece count whose pictures are written; ``frames`` and ``broken`` are its own."""
        write_atomically(self.path(self.count, "jsonl"), lines)
        memory = io.BytesIO()
        np.savez(memory, **state)  # type: ignore[arg-type]
        write_atomically(self.path(self.count, "npz"), memory.getvalue())
        self.count, self.frames = self.count + 1, self.frames + frames
        self.broken, self.header = self.broken + broken, header
        progress = {
            "job": self._job,
            "pieces": self.count,
            "frames": self.frames,
            "broken": self.broken,
            "header": header,
        }
        write_atomically(self.folder / _PROGRESS, json.dumps(progress).encode())

    def close(self, *, remove: bool = False) -> None:
        """Let others work there; with ``remove``, the folder goes."""
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()
