"""PaddlePaddle's ``.pdparams``: a pickle of a dict from names to NumPy arrays.

A pickle is a program: it can name any function and call it. Here it gets its own stand-ins for the
few things that arrays are made of, and nothing else: not even NumPy sees what the file says before
its sizes are checked.

Sources: the documentation of Python's ``pickle`` ("Restricting Globals"); the pickles of
``numpy.ndarray`` and of ``paddle.save``.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from heatpose.weights.convert.arrays import add, tensor_of

_NAME_TABLE = "StructuredToParameterName@@"  # from the keys to the program's own names
_DTYPES = ("f2", "f4", "f8", "i4", "i8")
# Ways to call or fetch things that no array needs; the others ask ``find_class``.
_REFUSED = ("EXT1", "EXT2", "EXT4", "INST", "NEWOBJ", "NEWOBJ_EX", "OBJ", "PERSID", "BINPERSID")
_SMALL = 64  # names and shapes, which a pickle may hold once and use often
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")
_NORM = {"_mean": "running_mean", "_variance": "running_var"}


def read(path: Path) -> dict[str, Tensor]:
    """Read the arrays of a state dict.

    Args:
        path: The file: a dict, or a list or tuple that starts with one. Its values are arrays, or
            pairs of the program's name and the array.

    Returns:
        Tensors by the dict's keys; norms are called as PyTorch does, and given a batch counter. The
        matrix of a linear layer [in, out] became [out, in].

    Raises:
        ValueError: the file is damaged, holds other things than arrays, or would need code to be
            run; the message names the function that it asks for.
    """
    data = path.read_bytes()
    try:
        _check_opcodes(data)
        content = _Unpickler(data).load()
    except Exception as error:  # random bytes raise almost anything in the unpickler
        refused = isinstance(error, _Refused)
        reason = (
            f"asks for {error}: files that need code to be run are not opened"
            if refused
            else f"is a damaged pickle ({type(error).__name__}: {error})"
        )
        raise ValueError(f"weights: {path} {reason}") from (None if refused else error)
    try:
        return _tensors_of(content, len(data))
    except ValueError as error:
        raise ValueError(f"weights: {path} looks like a PaddlePaddle file, but {error}") from error


def _tensors_of(content: object, budget: int) -> dict[str, Tensor]:
    """The arrays, which together have at most ``budget`` bytes: those of the file."""
    if isinstance(content, (list, tuple)) and content:
        content = content[0]
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds a {type(content).__name__} instead of a dict of arrays")
    tensors: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str):
            raise ValueError(f"a key of its dict is a {type(key).__name__} instead of a name")
        if key == _NAME_TABLE:
            continue
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
            value = value[1]
        if not isinstance(value, _Array):
            raise ValueError(f"{key:.200} is a {type(value).__name__} instead of an array")
        tensor = value.tensor(key)
        budget -= tensor.nbytes
        if budget < 0:  # many arrays of the same bytes
            raise ValueError(f"its arrays are larger than the file, from {key:.200} on")
        layer, _, variable = key.rpartition(".")
        if variable == "weight" and tensor.ndim == 2:
            tensor = tensor.mT.contiguous()
        if variable == "_mean":
            add(tensors, f"{layer}.num_batches_tracked", torch.tensor(0))
        name = f"{layer}.{_NORM[variable]}" if variable in _NORM else key
        add(tensors, name, tensor)
    if not tensors:
        raise ValueError("its dict is empty")
    return tensors


class _Refused(pickle.UnpicklingError):
    """The pickle asks for something that arrays do not need; its text says for what."""


def _check_opcodes(data: bytes) -> None:
    """Read the pickle without running it: all lengths are within the file, no opcode is strange."""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name in _REFUSED:
            raise _Refused(f"opcode {opcode.name}")
        # The unpickler makes a table as long as the largest index.
        if opcode.name in _MEMO and int(argument or 0) > count:
            raise ValueError(f"memo index {argument} after {count} opcodes")


class _Unpickler(pickle.Unpickler):
    """An unpickler to whom only the parts of arrays and plain containers are known.

    What they copy is counted: a pickle can have the same thing copied any number of times.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self.budget = len(data)

    def find_class(self, module: str, name: str) -> Any:
        # NumPy 2 moved its modules; Python 2 has other names for built-in things.
        module = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        make = _KNOWN.get(f"{module}.{name}")
        if make is None:
            raise _Refused(f"{module}.{name}")
        return _Callable(make, self)


class _Callable:
    """A function that can only be called; of a plain one, a pickle could set attributes."""

    __slots__ = ("make", "unpickler")

    def __init__(self, make: Callable[..., Any], unpickler: _Unpickler) -> None:
        self.make = make
        self.unpickler = unpickler

    def __call__(self, *args: Any) -> Any:
        sizes = [len(one) for one in args if hasattr(one, "__len__")]
        self.unpickler.budget -= sum(size for size in sizes if size > _SMALL)
        if self.unpickler.budget < 0:
            raise pickle.UnpicklingError("it copies more than it holds")
        return self.make(*args)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("a function was given a state")


class _Dtype:
    """Stand-in for ``numpy.dtype``: what the pickle says of it, unchecked until ``plain``."""

    __slots__ = ("code", "state")

    def __init__(self, code: Any, *_: Any) -> None:
        self.code = code
        self.state: Any = ("|",)

    def __setstate__(self, state: Any) -> None:
        self.state = state[1:5]  # byte order, and what structures are made of

    def plain(self, name: str) -> np.dtype[np.generic]:
        """The type of the array of this name, if it is one of numbers."""
        code = self.code if isinstance(self.code, str) else "unknown"
        if code not in _DTYPES:
            raise ValueError(f"{name} is of type {code:.9}: expected one of {', '.join(_DTYPES)}")
        order, *structure = self.state
        if order not in ("<", ">") or any(part is not None for part in structure):
            raise ValueError(f"{name} is an array of structures")
        return np.dtype(f"{order}{code}")


class _Array:
    """Stand-in for ``numpy.ndarray``: what the pickle says of it, unchecked until ``tensor``."""

    __slots__ = ("state",)

    def __init__(self, *state: Any) -> None:
        self.state = state

    def __setstate__(self, state: Any) -> None:
        self.state = state[1:]  # without the version

    def tensor(self, name: str) -> Tensor:
        if len(self.state) != 4:
            raise ValueError(f"{name} is an array without content")
        shape, kind, by_columns, data = self.state
        if isinstance(data, str):  # the bytes of Python 2
            data = data.encode("latin1", "replace")
        if not (
            isinstance(shape, tuple)
            and all(type(size) is int for size in shape)
            and isinstance(kind, _Dtype)
        ):
            raise ValueError(f"{name} is no array")
        dtype = kind.plain(name)
        if not isinstance(data, (bytes, bytearray)):
            raise ValueError(f"{name} has no bytes but a {type(data).__name__}")
        if by_columns:
            tensor = tensor_of(bytes(data), dtype, shape[::-1], name)
            return tensor.permute(tuple(reversed(range(tensor.ndim))))
        return tensor_of(bytes(data), dtype, shape, name)


def _empty_array(*_: Any) -> _Array:
    """``_reconstruct``: an array that gets its content afterwards."""
    return _Array()


def _array_of_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """``_frombuffer``, of pickle's protocol 5."""
    return _Array(shape, dtype, order == "F", data)


def _bytes_of_text(text: Any, encoding: Any) -> bytes:
    """``_codecs.encode``: how protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("text in an encoding other than latin1")
    return text.encode("latin1")


def _plain_tuple(*items: Any) -> tuple[Any, ...]:
    """``tuple``: how paddle.save wraps a tensor, as its name and its array."""
    return tuple(*items)


_KNOWN: Mapping[str, Callable[..., Any]] = {
    "_codecs.encode": _bytes_of_text,
    "builtins.tuple": _plain_tuple,
    "collections.OrderedDict": dict,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy.core.numeric._frombuffer": _array_of_buffer,
    "numpy.dtype": _Dtype,
    "numpy.ndarray": _empty_array,
}
