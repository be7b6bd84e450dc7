"""Files of ``torch.save``, read without ``torch.load`` and without running anything of them.

Both forms are read: the zip archives of PyTorch 1.6 and later, and the row of pickles of before.
Their pickles go through ``safe_pickle``, so a checkpoint of a training program opens whatever
objects of that program lie beside its tensors.
"""

from __future__ import annotations

import io
import mmap
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import torch
from torch import Tensor

from heatpose.weights.safe_pickle import Inert, Name, read_pickle

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"  # of every protocol that torch.save can write
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # the two pickles before that of the content
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


@dataclass(frozen=True)
class Storage:
    """A row of numbers of the file."""

    key: str
    dtype: torch.dtype
    count: int

    @property
    def num_bytes(self) -> int:
        """Of all its numbers."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of the file that has not been read: a view of a storage, in numbers of elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


Fetch = Callable[[Storage], bytearray]
"""Reads the bytes of a storage; a ValueError or a LookupError if they are not all there."""


def is_torch_file(start: bytes) -> bool:
    """Whether the first bytes of a file, at least 4 of them, may be those of ``torch.save``."""
    return start.startswith((_ZIP, _PICKLE))


def read_torch_file(path: Path) -> object:
    """Read what ``torch.save`` wrote, on the CPU.

    Args:
        path: The file.

    Returns:
        The content with plain containers: dicts for ordered and default ones too, lists for sets.
        Tensors and parameters in a dict at the top, and in the dicts in it, are tensors; deeper
        ones are ``StoredTensor``, unread. Any other object is ``Inert``.

    Raises:
        ValueError: the file is not of ``torch.save``, or damaged, or is a TorchScript program.
    """
    with path.open("rb") as file:
        zipped = file.read(len(_ZIP)) == _ZIP
    try:
        return _read_zip(path) if zipped else _read_pickles(path)
    except (
        *(ValueError, TypeError, LookupError, OverflowError, EOFError, pickle.UnpicklingError),
        # A damaged or encrypted archive, also one whose entries lie at negative places; PyTorch on
        # a view larger than its storage.
        *(zipfile.BadZipFile, RuntimeError, OSError),
    ) as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is a damaged PyTorch file ({reason})") from error


def _read_zip(path: Path) -> object:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        contents = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(contents) != 1:
            raise ValueError("a zip archive without the one data.pkl of torch.save")
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise ValueError("a zip archive whose entries claim more than it holds")
        folder = contents[0].removesuffix("data.pkl")
        if f"{folder}constants.pkl" in names:
            raise ValueError("a TorchScript program, which is code and not weights")
        if f"{folder}byteorder" in names:
            order = _read_entry(archive, f"{folder}byteorder").decode("ascii")
            if order != sys.byteorder:
                raise ValueError(f"its numbers are {order} endian, those of this machine are not")

        def fetch(storage: Storage) -> bytearray:
            data = bytearray(_read_entry(archive, f"{folder}data/{storage.key}"))
            if len(data) < storage.num_bytes:
                raise ValueError(f"storage {storage.key} is cut off")
            return data

        content = _read_content(io.BytesIO(_read_entry(archive, contents[0])))
        return _with_tensors(content, fetch)


def _read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED:
        # It could be of any size once unpacked.
        raise ValueError(f"{name} is compressed, which torch.save does not do")
    return archive.read(entry)


def _read_pickles(path: Path) -> object:
    # Mapped, so that a length that a damaged file claims is never more than the file has.
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        file = cast(IO[bytes], data)
        if read_pickle(file) != _MAGIC or read_pickle(file) != _PROTOCOL:
            raise ValueError("a pickle, but not of torch.save")
        system = read_pickle(file)
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("not of a little endian machine")
        storages: dict[str, Storage] = {}
        content = _read_content(file, storages)
        keys = read_pickle(file)
        starts: dict[str, int] = {}
        position = file.tell()
        for key in keys if isinstance(keys, list) else []:
            # Before the numbers, how many they are.
            starts[key] = position + 8
            position += 8 + storages[key].num_bytes

        def fetch(storage: Storage) -> bytearray:
            start = starts[storage.key]
            end = start + storage.num_bytes
            count = int.from_bytes(data[start - 8 : start], "little")
            if count != storage.count or end > len(data):
                raise ValueError(f"storage {storage.key} is cut off")
            with memoryview(data) as view:
                return bytearray(view[start:end])

        return _with_tensors(content, fetch)


def _read_content(file: IO[bytes], storages: dict[str, Storage] | None = None) -> object:
    """The pickle that holds the tensors, unread; ``storages`` gets all that it mentions."""

    def storage(words: object) -> object:
        match words:
            case ("storage", Name(full), str(key), _, int(count), *view) if count >= 0:
                dtype = _DTYPES.get(full.removeprefix("torch.").removeprefix("cuda."))
                if dtype is not None and (not view or view == [None]):
                    made = Storage(key, dtype, count)
                    if storages is not None:
                        storages[key] = made
                    return made
        return Inert("storage of an unknown kind")

    return read_pickle(file, make=_made, persistent=storage)


def _made(name: str, arguments: tuple[object, ...]) -> object:
    """What the calls stand for that PyTorch writes into state dicts; others are ``Inert``."""
    match name, arguments:
        case ("collections.OrderedDict", ()) | ("collections.defaultdict", _):
            return {}
        case "collections.OrderedDict", (list(pairs),):  # as Python 2 wrote it
            return {pair[0]: pair[1] for pair in pairs if _is_item(pair)}
        case "torch.Size", (tuple(size),):
            return size
        case (
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2",
            (Storage() as storage, int(offset), tuple(size), tuple(stride), *_),
        ):
            if all(isinstance(number, int) for number in size + stride):
                return StoredTensor(storage, offset, size, stride)
        case (
            "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
            (StoredTensor() as data, *_),
        ):
            return data
        case "torch._tensor._rebuild_from_type_v2", (Name(function), _, tuple(rest), *_):
            return _made(function, rest)
    return Inert(name)


def _is_item(pair: object) -> bool:
    return isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)


def _with_tensors(content: object, fetch: Fetch) -> object:
    """The content with the tensors of its first two levels read."""
    flat: dict[str, tuple[Storage, Tensor]] = {}
    # A dict that lies under many names stays one: a small file could hold millions of copies.
    known: dict[tuple[int, int], object] = {}

    def read(value: object, levels: int) -> object:
        if isinstance(value, StoredTensor):
            return _tensor(value, fetch, flat)
        if isinstance(value, dict) and levels:
            place = id(value), levels
            if place not in known:
                known[place] = {key: read(item, levels - 1) for key, item in value.items()}
            return known[place]
        return value

    return read(content, 2)


def _tensor(stored: StoredTensor, fetch: Fetch, flat: dict[str, tuple[Storage, Tensor]]) -> Tensor:
    storage = stored.storage
    if storage.key not in flat:
        # Of an empty buffer PyTorch makes no tensor.
        numbers = (
            torch.frombuffer(fetch(storage), dtype=storage.dtype, count=storage.count)
            if storage.count
            else torch.empty(0, dtype=storage.dtype)
        )
        flat[storage.key] = storage, numbers
    known, numbers = flat[storage.key]
    if known != storage:  # read anew for each, one storage could fill the memory
        raise ValueError(f"storage {storage.key} is of two types or sizes")
    return numbers.as_strided(stored.size, stored.stride, stored.offset)
