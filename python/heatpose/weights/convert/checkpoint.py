"""Reading a weight file of any known format, told by its content."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from torch import Tensor

from heatpose.weights.load import load_state_dict

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
# torch.save before 1.6: protocol 2, then its magic number as a long of ten bytes.
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"
_PICKLE = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_FIELDS_SEEN = 64  # of a protobuf message, to tell whose it is

_VARINT, _LENGTH = 0, 2  # kinds of protobuf's fields
_CAFFE_LAYER, _CAFFE_OLD_LAYER, _TENSORFLOW_NODE = 100, 2, 1
_NAME_FIELD = b"\x0a"  # field 1 with a length


class _Format(NamedTuple):
    """A format that is read here, and what reading it needs."""

    name: str
    module: str
    library: str


_CAFFE = _Format("Caffe", "caffe", "protobuf")
_TENSORFLOW = _Format("TensorFlow", "tensorflow", "protobuf")
_KERAS = _Format("Keras", "keras", "h5py")
_PADDLE = _Format("PaddlePaddle", "paddle", "numpy")


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a weight file of any known format, on the CPU.

    The format is told by the content, not by the extension: safetensors, PyTorch, Caffe
    (``.caffemodel``), a frozen graph of TensorFlow (``.pb``), PaddlePaddle (``.pdparams``), Keras
    (``.hdf5``). No code of the file is run, nothing outside it is read, and the sizes that it
    claims are checked before memory is taken.

    Args:
        path: The file.

    Returns:
        Tensors by name, in PyTorch's layouts (a convolution is [out, in, height, width]) and under
        names that the networks' ``normalise_keys`` know. They may be views that share memory.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: reading this format needs a library that is not installed.
        ValueError: the format is unknown, the file is damaged, claims more than it holds, would
            need code to be run, or points to other files.
    """
    path = Path(path)
    found = _format_of(path) if path.is_file() else None
    if found is None:
        return load_state_dict(path)
    try:
        module = importlib.import_module(f"heatpose.weights.convert.{found.module}")
    except ImportError as error:
        raise ImportError(
            f"weights: {path} is a {found.name} file, and reading those needs {found.library}: "
            "pip install 'heatpose[convert]'"
        ) from error
    read: Callable[[Path], dict[str, Tensor]] = module.read
    return read(path)


def _format_of(path: Path) -> _Format | None:
    """The format of a file, None for those of ``load_state_dict``; ValueError for unknown ones."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_OLD_TORCH))
        if start.startswith((_ZIP, _OLD_TORCH)) or _is_safetensors(start):
            return None
        if start.startswith(_HDF5):
            return _KERAS
        if start.startswith(_PICKLE):
            return _PADDLE
        file.seek(0)
        found = _protobuf_format(file, size)
    if found is None:
        first = f"starts with the bytes {start[:8].hex(' ')}" if size else "is empty"
        raise ValueError(
            f"weights: {path} {first}, which is none of safetensors, PyTorch, Caffe, TensorFlow, "
            "PaddlePaddle and Keras"
        )
    return found


def _is_safetensors(start: bytes) -> bool:
    """Whether a JSON header of less than 4 GiB follows its own length."""
    return start[4:9] == b"\0\0\0\0{"


def _protobuf_format(file: BinaryIO, size: int) -> _Format | None:
    """Tell Caffe's networks from TensorFlow's graphs by the first fields of the message.

    Caffe's layers have field numbers of their own. TensorFlow's nodes have that of Caffe's name,
    but are messages, which start with the field of their name.
    """
    for _ in range(_FIELDS_SEEN):
        tag, value = _varint(file), _varint(file)  # the value, or the length of what follows
        if tag is None or value is None:
            return None
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            continue
        end = file.tell() + value
        if kind != _LENGTH or field == 0:
            return None
        if field in (_CAFFE_LAYER, _CAFFE_OLD_LAYER):
            return _CAFFE
        if field == _TENSORFLOW_NODE and file.read(1) == _NAME_FIELD:
            return _TENSORFLOW
        if end > size:
            return None
        file.seek(end)
    return None


def _varint(file: BinaryIO) -> int | None:
    """The next number, seven bits per byte, lowest first; None at the end or beyond 64 bits."""
    number = 0
    for shift in range(0, 63, 7):
        byte = file.read(1)
        if not byte:
            return None
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    return None
